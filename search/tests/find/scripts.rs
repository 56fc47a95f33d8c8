use crate::Room;
use crate::forms::{Row, assert_found};
use search::Who;

const SCRIPTS: &[Row] = &[
    // Scripts that set no spaces: what stands in the middle of a sentence is found.
    ("私の名前は田中です 👍", &["名前 ", "田中", "👍", "名*", "前*"], &["前名 ", "👎"]),
    ("我昨天从東京飞到北京", &["東京 ", "北京", "東京*", "東 ", "\"飞到北京\"", "数* OR 東*"], &["京北 "]),
    ("พรุ่งนี้เราจะไปเที่ยวทะเลกัน", &["ทะเล ", "เที่ยว", "ไป ", "พรุ่งนี้ ", "เที่ย*"], &["ภูเขา ", "ทะลุ "]),
    ("ຂ້ອຍໄປຕະຫຼາດມື້ນີ້", &["ຕະຫຼາດ ", "ມື້ນີ້"], &["ຕະຫຼາດໄປ "]),
    ("ខ្ញុំទៅផ្សារថ្ងៃនេះ", &["ផ្សារ ", "ថ្ងៃនេះ"], &["នេះថ្ងៃ "]),
    ("မနက်ဖြန်ဈေးသွားမယ်", &["ဈေး ", "မနက်ဖြန်"], &["သွားဈေး "]),
    ("𠮷野家へ行く", &["𠮷野家 ", "𠮷"], &["野𠮷 "]),
    // Two kana, half-width, voiced by a mark of its own, in one square.
    ("ラーメンが食べたい", &["らーめん ", "ラーメン ", "ﾗｰﾒﾝ ", "が ", "か\u{3099} "], &["か食 "]),
    ("ﾊﾟｿｺﾝとガギグ", &["パソコン ", "ぱそこん ", "がぎぐ ", "ｶﾞｷﾞｸﾞ "], &["ハソコン "]),
    ("体重は５５㌔、50㎏", &["キロ ", "きろ ", "55 ", "50kg "], &["㌘ "]),
    // Arabic with vowels, stretched, of other keyboards; Hebrew with points.
    ("مُحَمَّدٌ في الــبــيــت", &["محمد ", "مُحَمَّد ", "البيت ", "مـحـمـد "], &["بيت "]),
    ("أحمد وإيمان وآمنة في المدرسة", &["احمد ", "المدرسه ", "وامنة "], &["احمدي "]),
    ("کتاب فارسی ۱۴۰۳", &["كتاب ", "فارسي ", "1403 ", "١٤٠٣ "], &["1404 "]),
    ("שָׁלוֹם עוֹלָם", &["שלום ", "עולם "], &["שלומ "]),
    // Marks of other scripts: those that may be left out, and those that make another word.
    ("Việt Nam, Ελλάδα, Крым̆", &["viet ", "ελλαδα ", "ΕΛΛΑΔΑ ", "крым "], &["vit "]),
    ("ज़रूर कीमत", &["जरूर ", "ज\u{93c}रूर ", "कीमत "], &["कमत ", "कुमत "]),
    (
        "한국어 텍스트",
        &["한국어 ", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}\u{110b}\u{1165} ", "한국*"],
        &["국어 "],
    ),
    // Pictures of all blocks, flags, keycaps, sequences.
    ("звони ☎️ в ⏰, ⌚ и ▶ ⬛", &["☎ ", "☎️", "⏰", "⌚️", "▶️", "⬛"], &["⏱", "⬜"]),
    ("готово✓ ★ ©2026 ™", &["✓", "готово ", "★", "© ", "2026 ", "™"], &["✗"]),
    ("лечу 🇩🇪🇫🇷 завтра", &["🇩🇪", "🇫🇷", "🇩🇪🇫🇷"], &["🇪🇫", "🇩", "🇫🇷🇩🇪"]),
    ("нажми 1️⃣, потом #️⃣", &["1️⃣", "1⃣", "#️⃣"], &["2️⃣", "*️⃣"]),
    ("мы 👨‍👩‍👧 и ❤️‍🔥", &["👨‍👩‍👧", "👩", "❤", "🔥", "❤️‍🔥"], &["👧👨", "👨‍👧"]),
    ("👍🏽 ok👋", &["👍", "👍🏽", "ok ", "👋", "ok👋"], &["👍🏿"]),
    ("🏴󠁧󠁢󠁳󠁣󠁴󠁿 выиграла", &["🏴󠁧󠁢󠁳󠁣󠁴󠁿"], &["🏴󠁧󠁢󠁥󠁮󠁧󠁿"]),
];

#[test]
fn every_script_is_found_by_what_it_says_and_by_nothing_else() {
    assert_found(SCRIPTS);
}

#[test]
fn what_is_found_of_a_script_is_highlighted_as_it_was_written() {
    let mut room = Room::new();
    let table = [
        ("我从東京飞", "東京 ", "東京"),
        ("ﾊﾟｿｺﾝだ", "ぱそ ", "ﾊﾟｿ"),
        ("مُحَمَّدٌ!", "محمد ", "مُحَمَّدٌ"),
        ("a 👍🏽b", "👍🏽", "👍🏽"),
        ("x 🇩🇪🇫🇷", "🇫🇷", "🇫🇷"),
        ("x ☎️ y", "☎", "☎️"),
        ("12️⃣", "2⃣", "2️⃣"),
        ("ไปทะเลกัน", "ทะเล ", "ทะเล"),
        ("cc:@clara", "@clara ", "@clara"),
        ("me/.bashrc", ".bashrc ", ".bashrc"),
    ];
    for (text, question, expected) in table {
        let position = room.say(text);
        room.commit();
        let hit = room.ask(Who::Operator, question).hits.into_iter().find(|hit| hit.position == position).unwrap();
        let characters = text.chars().collect::<Vec<_>>();
        let shown = hit.highlights.iter().map(|(from, to)| characters[*from..*to].iter().collect::<String>());
        assert_eq!(shown.collect::<Vec<_>>(), [expected], "{question} in {text}");
    }
}
