use super::*;
use ::fuzz::Verdict;

const LIST: [&str; 3] = ["messages", "0190c2f4-0000-7000-8000-000000000001", "oldest-first"];

fn keys() -> std::sync::Arc<Keys> {
    let place = tempfile::tempdir().unwrap();
    let folder = store::Folder::create(place.path()).unwrap();
    store::Appender::open(&folder, &folder.master_key()).unwrap().keys()
}

#[test]
fn a_cursor_is_one_of_ours_or_refused() {
    let keys = keys();
    let made = [write_position(&keys, &LIST, 7), write_position(&keys, &LIST, u64::MAX), write(&keys, &LIST, b"anna")];
    let seeds = made.each_ref().map(String::as_str);
    ::fuzz::text(&seeds, |input| {
        let key = read(&keys, &LIST, input);
        match &key {
            Ok(key) => {
                assert_eq!(write(&keys, &LIST, key), input, "a cursor has one spelling");
                assert!(seeds.contains(&input), "a cursor was made up");
            }
            Err(error) => assert_eq!(error.code, Code::BadCursor),
        }
        Verdict::from(&key)
    });
}

#[test]
fn a_cursor_is_of_its_own_list_only() {
    let keys = keys();
    ::fuzz::text(&["chats\nmine\nanna", "a\n\n", "\n"], |input| {
        let list = input.split('\n').collect::<Vec<_>>();
        let cursor = write(&keys, &list, b"7");
        assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_eq!(read(&keys, &list, &cursor).unwrap(), b"7");
        let joined = [list.concat()];
        let other = if list.len() == 1 { ["other"] } else { [joined[0].as_str()] };
        assert!(read(&keys, &other, &cursor).is_err(), "parts of a list's name are told apart");
        assert!(read(&keys, &LIST, &cursor).is_err());
        Verdict::from(list.len() > 1)
    });
}
