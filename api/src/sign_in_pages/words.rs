//! What the pages say: one table, a line a word, in every language.

crate::words::words! {
    sign_in: "Sign in", "Вход";
    signed_in: "You are signed in.", "Вы вошли.";
    name_or_email: "Name or e-mail", "Имя или почта";
    password: "Password", "Пароль";
    by_password: "Sign in", "Войти";
    or: "or", "или";
    by_passkey: "Sign in with a passkey", "Войти с ключом доступа";
    by_mail: "Get a code by e-mail", "Получить код по почте";
    email: "E-mail", "Электронная почта";
    send_code: "Send the code", "Отправить код";
    mailed: "If an account has this address, a code is on its way to it.", "Если этот адрес привязан к учётной записи, код уже отправлен.";
    code: "Code", "Код";
    by_code: "Sign in", "Войти";
    by_provider: "Continue with", "Продолжить через";
    second_title: "One more step", "Ещё один шаг";
    second_text: "Enter the code from your authenticator app, or one of your recovery codes.", "Введите код из приложения-аутентификатора или один из запасных кодов.";
    second_lost: "This sign-in has expired; begin again.", "Время входа истекло; начните заново.";
    begin_again: "Begin again", "Начать заново";
    needs_script: "This page needs JavaScript.", "Для этой страницы нужен JavaScript.";
    bad_credentials: "Name or password is wrong.", "Неверное имя или пароль.";
    bad_code: "This code is wrong or has expired.", "Код неверен или устарел.";
    bad_passkey: "This passkey does not sign in here; use another way.", "С этим ключом войти нельзя; выберите другой способ.";
    account_exists: "An account with this address exists. Sign in to it first, then link the other service.", "Учётная запись с этим адресом уже есть. Сначала войдите в неё, затем привяжите другой сервис.";
    account_suspended: "This account is suspended.", "Учётная запись заблокирована.";
    too_many: "Too many tries; wait a moment.", "Слишком много попыток; подождите немного.";
    not_reached: "The server cannot be reached; try again.", "Сервер недоступен; попробуйте ещё раз.";
    failed: "That did not work; try again.", "Не получилось; попробуйте ещё раз.";
}
