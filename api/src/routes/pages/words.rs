//! What the pages say, in each language.

use domain::notify::Language;

/// The words of one language; plain text without anything that HTML would take for something else.
pub(crate) struct Words {
    pub(super) confirm_title: &'static str,
    pub(super) confirm_text: &'static str,
    pub(super) confirm_button: &'static str,
    pub(super) confirmed_title: &'static str,
    pub(super) confirmed_text: &'static str,
    pub(super) sign_in_title: &'static str,
    pub(super) sign_in_text: &'static str,
    pub(super) sign_in_button: &'static str,
    pub(super) signed_in_title: &'static str,
    pub(super) signed_in_text: &'static str,
    pub(super) reset_title: &'static str,
    pub(super) reset_text: &'static str,
    pub(super) new_password: &'static str,
    pub(super) repeat_password: &'static str,
    pub(super) reset_button: &'static str,
    pub(super) password_set_title: &'static str,
    pub(super) password_set_text: &'static str,
    pub(in crate::routes) passwords_differ: &'static str,
    pub(in crate::routes) weak_password: &'static str,
    pub(super) expired_title: &'static str,
    pub(super) expired_text: &'static str,
    pub(super) taken_title: &'static str,
    pub(super) taken_text: &'static str,
    pub(super) failed_title: &'static str,
    pub(super) failed_text: &'static str,
}

impl Words {
    pub(super) fn in_language(language: Language) -> &'static Words {
        match language {
            Language::En => &ENGLISH,
            Language::Ru => &RUSSIAN,
        }
    }
}

const ENGLISH: Words = Words {
    confirm_title: "Confirm your e-mail address",
    confirm_text: "Is this your address?",
    confirm_button: "Yes, confirm it",
    confirmed_title: "Your address is confirmed",
    confirmed_text: "You can close this page.",
    sign_in_title: "Sign in",
    sign_in_text: "You asked to sign in with this address.",
    sign_in_button: "Sign in",
    signed_in_title: "You are signed in",
    signed_in_text: "You can close this page and go on.",
    reset_title: "Choose a new password",
    reset_text: "It signs you out everywhere you are signed in.",
    new_password: "New password",
    repeat_password: "The same once more",
    reset_button: "Save the password",
    password_set_title: "Your password is changed",
    password_set_text: "Sign in with it now.",
    passwords_differ: "The two passwords differ. Type them again.",
    weak_password: "This password is too short or too easy to guess. Choose another.",
    expired_title: "This link has expired",
    expired_text: "It was used already, or too much time has passed. Ask for another.",
    taken_title: "This address belongs to another account",
    taken_text: "It was confirmed for another account. Sign in there, or choose another address.",
    failed_title: "That did not work",
    failed_text: "Wait a moment and try again.",
};

const RUSSIAN: Words = Words {
    confirm_title: "Подтвердите адрес почты",
    confirm_text: "Это ваш адрес?",
    confirm_button: "Да, подтвердить",
    confirmed_title: "Адрес подтверждён",
    confirmed_text: "Эту страницу можно закрыть.",
    sign_in_title: "Вход",
    sign_in_text: "Вы попросили войти по этому адресу.",
    sign_in_button: "Войти",
    signed_in_title: "Вы вошли",
    signed_in_text: "Эту страницу можно закрыть и продолжить.",
    reset_title: "Придумайте новый пароль",
    reset_text: "На всех устройствах придётся войти заново.",
    new_password: "Новый пароль",
    repeat_password: "Ещё раз тот же пароль",
    reset_button: "Сохранить пароль",
    password_set_title: "Пароль изменён",
    password_set_text: "Теперь войдите с новым паролем.",
    passwords_differ: "Пароли не совпадают. Введите их ещё раз.",
    weak_password: "Этот пароль слишком короткий или его легко угадать. Придумайте другой.",
    expired_title: "Ссылка больше не действует",
    expired_text: "Её уже использовали, или прошло слишком много времени. Запросите новую.",
    taken_title: "Этот адрес принадлежит другой учётной записи",
    taken_text: "Его подтвердили для другой учётной записи. Войдите в неё или укажите другой адрес.",
    failed_title: "Не получилось",
    failed_text: "Подождите немного и попробуйте ещё раз.",
};
