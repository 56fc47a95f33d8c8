//! What the console says: one table, a line a word, in every language.

use domain::notify::Language;

/// Declares the words: name, English, Russian.
macro_rules! words {
    ($($name:ident: $english:literal, $russian:literal;)*) => {
        /// The words of one language. Templates escape them like any text.
        pub(super) struct Words { $(pub(super) $name: &'static str,)* }

        const ENGLISH: Words = Words { $($name: $english,)* };
        const RUSSIAN: Words = Words { $($name: $russian,)* };
        #[cfg(test)]
        const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $russian),)*];
    };
}

words! {
    // The frame.
    console: "Console", "Консоль";
    menu: "Menu", "Меню";
    skip_to_content: "Skip to the content", "К содержанию";
    sign_out: "Sign out", "Выйти";
    done: "Done.", "Сделано.";
    failed: "That did not work", "Не получилось";
    not_for_you: "This page is not for your role", "Эта страница не для вашей роли";
    nothing_here: "There is nothing here", "Здесь ничего нет";
    back: "Back", "Назад";
    sign_in: "Sign in", "Войти";
    sign_in_failed: "That was not right, or you may not sign in now.", "Неверно, или сейчас войти нельзя.";
    name_or_email: "Name or e-mail", "Имя или почта";
    password: "Password", "Пароль";
    // The menu.
    overview: "Overview", "Обзор";
    events: "Events", "События";
    streams: "Streams", "Потоки";
    projections: "Read models", "Модели чтения";
    people: "People", "Люди";
    chats: "Chats", "Чаты";
    search: "Search", "Поиск";
    templates: "Templates", "Шаблоны";
    notifications: "Notifications", "Уведомления";
    schedules: "Schedules", "Расписания";
    suppressions: "Suppressions", "Исключённые адреса";
    mailbox: "Dev mailbox", "Почта разработки";
    settings: "Settings", "Настройки";
    doctor: "Doctor", "Доктор";
    // What many pages say.
    name: "Name", "Имя";
    state: "State", "Состояние";
    position: "Position", "Позиция";
    version: "Version", "Версия";
    reason: "Reason", "Причина";
    show: "Show", "Показать";
    nothing_found: "Nothing was found.", "Ничего не найдено.";
    next_page: "Next page", "Дальше";
    newest: "Newest", "Новейшие";
    newer: "Newer", "Новее";
    older: "Older", "Старее";
    off: "off", "выключено";
    // The overview: what there is.
    head: "Log head", "Конец журнала";
    appends: "Appends", "Записей";
    writer_queue: "Writer's queue", "Очередь записи";
    sessions: "Sessions", "Сеансы";
    streams_live: "Live connections", "Живые соединения";
    errors: "Errors", "Ошибки";
    errors_hour: "Errors, last hour", "Ошибки за час";
    disk_free: "Disk free", "Свободно на диске";
    deliveries: "Deliveries", "Доставки";
    deliveries_due: "Deliveries due / waiting", "К отправке / ждут";
    couriers: "Couriers", "Курьеры";
    relay: "Relay", "Ретранслятор";
    reports: "Reports", "Жалобы";
    armed: "armed", "включены";
    disarmed: "disarmed", "выключены";
    lag_events: "Lag, events", "Отставание, событий";
    lag_seconds: "Lag, s", "Отставание, с";
    // The overview: what is wrong, and what to press.
    all_well: "Everything is as it should be.", "Всё в порядке.";
    arm: "Arm", "Включить";
    log_not_writable: "The log cannot be written", "В журнал нельзя писать";
    log_not_writable_advice: "Every write is refused. See whether the disk has room and the database answers, then start the process again.", "Каждая запись отклоняется. Проверьте место на диске и ответ базы, затем перезапустите процесс.";
    projection_stopped: "A read model is stopped", "Модель чтения остановлена";
    projection_stopped_advice: "An event stops it; what it answers is old. Look at the event, then let it try again, or skip the event with a reason.", "Её останавливает событие; ответы устарели. Посмотрите событие, затем повторите или пропустите его с указанием причины.";
    projection_paused: "A read model is paused", "Модель чтения на паузе";
    projection_paused_advice: "Somebody paused it; what it answers is old until it is resumed.", "Её поставили на паузу; ответы устаревают, пока её не продолжат.";
    projection_behind: "A read model is behind", "Модель чтения отстаёт";
    projection_behind_advice: "It follows more slowly than the log grows. Wait, or see what else the machine does.", "Она медленнее, чем растёт журнал. Подождите или посмотрите, чем занята машина.";
    files_damaged: "Files are damaged", "Файлы повреждены";
    files_damaged_advice: "The next start makes them again from the log; see why the disk damages files.", "При следующем запуске они будут построены заново из журнала; выясните, почему диск портит файлы.";
    disk_low: "The disk has little room", "На диске мало места";
    disk_low_advice: "Make room: with a full disk every write is refused.", "Освободите место: на полном диске каждая запись отклоняется.";
    relay_disarmed: "Other services are told nothing", "Другим службам ничего не сообщается";
    relay_disarmed_advice: "This log is a copy, or the relay was disarmed. Arm it only where no other copy tells them.", "Этот журнал — копия, или ретранслятор выключен. Включайте, только если другая копия им не сообщает.";
    couriers_disarmed: "Nobody gets mail", "Почта никому не отправляется";
    couriers_disarmed_advice: "This log is a copy, or the couriers were disarmed. Arm them only where no other copy sends.", "Этот журнал — копия, или курьеры выключены. Включайте, только если другая копия не отправляет.";
    deliveries_late: "Deliveries are past their deadline", "Доставки просрочены";
    deliveries_late_advice: "They expire and are not sent. See whether the provider answers.", "Они истекут и не будут отправлены. Проверьте, отвечает ли провайдер.";
    dead_letters: "Dead letters", "Недоставленные";
    dead_letters_advice: "Nobody tries these again. See why, then retry or cancel them.", "Их больше не пытаются отправить. Выясните причину, затем повторите или отмените.";
    attempts_unknown: "Attempts of which nobody knows the end", "Попытки с неизвестным исходом";
    attempts_unknown_advice: "A crash came between sending and its record. Retry where twice is better than never.", "Сбой случился между отправкой и её записью. Повторите там, где дважды лучше, чем ни разу.";
    errors_reported: "Errors in the last hour", "Ошибки за последний час";
    errors_reported_advice: "The last ones are below; the server's log has all of them.", "Последние показаны ниже; все — в журнале сервера.";
    reports_open: "Reports wait", "Жалобы ждут";
    reports_open_advice: "Somebody should look at what was reported.", "Кто-то должен посмотреть, на что жалуются.";
    most: "at most", "не более";
    chart_appends: "Appends a minute", "Записей в минуту";
    chart_lag: "Lag of the slowest read model", "Отставание самой медленной модели";
    chart_deliveries: "Deliveries", "Доставки";
    deliveries_waiting: "waiting", "ждут";
    deliveries_failed: "failed a minute", "неудач в минуту";
    deliveries_accepted: "accepted a minute", "принято в минуту";
    // The first admin.
    first_admin: "The first admin", "Первый администратор";
    first_admin_text: "Choose a name and a password. This link is good once.", "Выберите имя и пароль. Ссылка действует один раз.";
    create: "Create", "Создать";
    fresh_sign_in_needed: "Sign in once more first", "Сначала войдите ещё раз";
    // Read models.
    generation: "Generation", "Поколение";
    verify: "Verify", "Проверить";
    rebuild: "Rebuild", "Перестроить";
    rebuild_all: "Rebuild all", "Перестроить все";
    pause: "Pause", "Пауза";
    resume: "Resume", "Продолжить";
    skip: "Skip the event", "Пропустить событие";
    skip_advice: "It is skipped for ever, also by later rebuilds; that and your reason are recorded in the log.", "Оно пропускается навсегда, и при перестроении тоже; это и причина записываются в журнал.";
    try_again: "Try again", "Повторить";
    tasks: "Tasks", "Задачи";
    task_running: "running", "идёт";
    task_done: "done", "готово";
    task_failed: "failed", "не удалось";
    look_again: "Look again", "Обновить";
    // People.
    display_name: "Display name", "Отображаемое имя";
    email: "E-mail", "Почта";
    role: "Role", "Роль";
    created_at: "Since", "Создано";
    suspended: "Suspended", "Заблокирован";
    suspend: "Suspend", "Заблокировать";
    unsuspend: "Lift the suspension", "Снять блокировку";
    days: "Days (empty: for ever)", "Дней (пусто: навсегда)";
    confirmed: "confirmed", "подтверждена";
    not_confirmed: "not confirmed", "не подтверждена";
    time_zone: "Time zone", "Часовой пояс";
    locale: "Language", "Язык";
    save: "Save", "Сохранить";
    device: "Device", "Устройство";
    address: "Address", "Адрес";
    last_seen: "Last seen", "Был";
    end: "End", "Завершить";
    end_sessions: "End all sessions and revoke tokens", "Завершить все сеансы и отозвать ключи";
    tokens: "Service tokens", "Ключи служб";
    sign_ins: "Sign-ins", "Входы";
    succeeded: "signed in", "вошёл";
    failed_sign_in: "failed", "не вошёл";
    erase: "Erase", "Стереть";
    erase_advice: "Everything personal is forgotten for ever. This cannot be taken back.", "Всё личное забывается навсегда. Это нельзя отменить.";
    type_name: "Type the account's name", "Введите имя учётной записи";
    // Chats, reports, search.
    kind: "Kind", "Вид";
    members: "Members", "Участники";
    archived: "archived", "в архиве";
    open: "Open", "Открытые";
    resolved: "Resolved", "Решённые";
    reported: "reported", "жалоб:";
    hidden: "hidden", "скрыто";
    dismiss: "Dismiss", "Отклонить";
    hide: "Hide", "Скрыть";
    delete: "Delete", "Удалить";
    ban: "Hide and ban", "Скрыть и исключить";
    search_advice: "Words, \"phrases\", from:name, in:chat, before:day", "Слова, «фразы», from:имя, in:чат, before:день";
    search_button: "Search", "Искать";
    // Templates, notifications, deliveries.
    new_template: "New template", "Новый шаблон";
    key: "Key", "Ключ";
    category: "Category", "Категория";
    changed_at: "Changed", "Изменено";
    variables: "Variables (JSON)", "Переменные (JSON)";
    subject: "Subject", "Тема";
    text: "Text", "Текст";
    preview: "Preview", "Предпросмотр";
    publish: "Publish", "Опубликовать";
    test_mail: "Mail it to me", "Отправить мне";
    delivery: "Delivery", "Доставка";
    channel: "Channel", "Канал";
    requested_at: "Requested", "Запрошено";
    attempts: "Attempts", "Попытки";
    due_at: "Due", "К отправке";
    expires_at: "Expires", "Истекает";
    history: "History", "История";
    retry: "Retry", "Повторить";
    cancel: "Cancel", "Отменить";
    cancelled: "cancelled", "отменено";
    recipients: "Recipients", "Получатели";
    schedule: "schedule", "расписание";
    next_runs: "Next runs", "Следующие запуски";
    lift: "Lift", "Снять";
    // The server.
    value: "Value", "Значение";
    origin: "Origin", "Откуда";
    meaning: "Meaning", "Значит";
    // Mailings.
    mailings: "Mailings", "Рассылки";
    new_mailing: "New mailing", "Новая рассылка";
    run: "Run", "Запуск";
    started_at: "Begun", "Начат";
    finished_at: "Finished", "Завершён";
    no_run_yet: "No run has begun.", "Ещё не запускалась.";
    start: "Start", "Запустить";
    edit: "Change", "Изменить";
    per_second_max: "At most a second", "Не больше в секунду";
    will_get_it: "Will get it", "Получат";
    what_it_says: "What it says", "Что в ней сказано";
    template: "Template", "Шаблон";
    audience: "Audience", "Кому";
    everybody: "Everybody", "Всем";
    when_and_how: "When and how", "Когда и как";
    send_at: "Send at", "Отправить в";
    expires_in: "Of use for so many seconds", "Сколько секунд годна";
    save_draft: "Save the draft", "Сохранить черновик";
    // Events and streams.
    event: "Event", "Событие";
    event_type: "Type", "Тип";
    stream: "Stream", "Поток";
    person: "Person", "Человек";
    person_id: "Person's id", "id человека";
    request_id: "Request", "Запрос";
    since: "Since", "С";
    until: "Until", "До";
    recorded_at: "Recorded", "Записано";
    payload: "Payload", "Содержание";
    metadata: "Metadata", "Метаданные";
    sealed: "sealed", "запечатано";
    actor: "By", "Кто";
    cause: "Cause", "Причина события";
    command: "command", "команда";
    causes_and_effects: "Causes and effects", "Причины и следствия";
    unseal: "Unseal", "Распечатать";
    unseal_advice: "That you look is recorded in the log, with your reason; the person's export tells it.", "То, что вы смотрите, записывается в журнал вместе с причиной; это есть в выгрузке человека.";
    look_recorded: "That you looked is recorded.", "То, что вы смотрели, записано.";
    begins_with: "Begins with", "Начинается с";
    compared_with: "Compared with version", "Сравнить с версией";
    field: "Field", "Поле";
}

impl Words {
    pub(super) fn in_language(language: Language) -> &'static Words {
        match language {
            Language::En => &ENGLISH,
            Language::Ru => &RUSSIAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_there_in_each_language() {
        let is_cyrillic = |letter: char| ('\u{400}'..='\u{4ff}').contains(&letter);
        for (name, english, russian) in ALL {
            assert!(!english.is_empty() && !english.contains(is_cyrillic), "{name}: {english}");
            assert!(russian.contains(is_cyrillic), "{name}: {russian}");
        }
    }
}
