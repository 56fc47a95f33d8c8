//! The stem of a Russian word: endings, then what changes inside a root, then the few hundred forms that follow no rule.
//!
//! Snowball's Russian stemmer parts `знает` from `знать` and `вас` from `вы`: of the messages that hold a form of a
//! word, it finds 69 % by another form, this one 96 % (`scripts/recall`, `docs/performance.md`). A stem is no word: it
//! is only compared.

use super::irregular::{IRREGULAR, ROOTS};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

const ADJECTIVE: &str = "ый ий ой ая яя ое ее ые ие ого его ому ему ым им ом ем ых их ую юю ыми ими ою ею ей";
const NOUN: &str = "ия ие ии ию ием иям иях иями ией ья ье ьи ьям ьями ьях ьев ьем ьей ью а я о е ы и у ю ь ов ев ей ам \
                    ям ами ями ах ях ом ем ой ою ею";
const VERB: &str = "й л ла ло ли ет ем ут ют ит им ат ят йте вши в емте имте емся имся ешь ишь ете ите ть ти йся ьте";
/// Before the endings of adjectives.
const PARTICIPLE: &str = "вш ющ ущ ащ ящ нн енн анн янн ованн ейш айш";
const SHORT_PARTICIPLE: &str = "ан ана ано аны ян яна яно яны ен ена ено ены";
/// Of the past tense and what is like it: only behind a vowel that verbs have there.
const PAST: &str = "л ла ло ли в вши";
/// Endings that leave as little as two letters; others leave three.
const SURE: &str = "ешь ишь ете ите ть а я о е ы и у ю ь й ом ой ою ам ами ах ов";
/// Longest ending, in letters.
const ENDING_LETTERS_MAX: usize = 8;

const PREFIXES: [&str; 31] = [
    "пере", "недо", "надо", "подо", "пред", "взо", "воз", "вос", "изо", "обо", "ото", "при", "про", "раз", "разо",
    "рас", "вз", "во", "вы", "до", "за", "из", "ис", "на", "над", "об", "от", "по", "под", "со", "у",
];
const SHORT_PREFIXES: [&str; 3] = ["в", "о", "с"];

/// Verbs that are made with prefixes and follow no rule: what stands for them, and their forms.
const GO: &str = "йти идти дти шел шла шло шли шедший шедшая шедшее шедшие шедшего шедших шедшему";
const COME: &str = "приду придешь придет придем придете придут приди придите придя";
const CAN: &str = "мог могу могут могла могло могли моги можешь может можем можете мочь могший";
const GIVE: &str = "дам дашь даст дадим дадите дадут дай дайте дал дала дало дали дать дав давший дан дана дано даны";
const GIVE_OFTEN: &str = "даю даешь дает даем даете дают давай давайте давал давала давало давали давать давая";
/// Of `пить` and its like, behind the first letter.
const DRINK: &str = "ью ьешь ьет ьем ьете ьют ей ейте ить ил ила ило или ив ивши ит ита ито иты итый итая";

struct Rules {
    endings: HashSet<String>,
    verbal: HashSet<&'static str>,
    past: HashSet<&'static str>,
    sure: HashSet<&'static str>,
    short_participle: HashSet<&'static str>,
    irregular: HashMap<&'static str, &'static str>,
    roots: HashMap<&'static str, &'static str>,
    go: HashSet<&'static str>,
    come: HashSet<&'static str>,
    can: HashSet<&'static str>,
    give: HashSet<&'static str>,
    give_often: HashSet<&'static str>,
    drink: HashSet<&'static str>,
}

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let set = |text: &'static str| text.split(' ').collect::<HashSet<_>>();
    let simple = [ADJECTIVE, NOUN, VERB, SHORT_PARTICIPLE].into_iter().flat_map(|list| list.split(' '));
    let mut endings = simple.map(str::to_owned).collect::<HashSet<_>>();
    for participle in PARTICIPLE.split(' ') {
        endings.extend(ADJECTIVE.split(' ').map(|ending| format!("{participle}{ending}")));
    }
    let mut irregular = HashMap::new();
    for line in IRREGULAR.lines() {
        let mut forms = line.split(' ').peekable();
        let first = forms.peek().copied().unwrap_or_default();
        irregular.extend(forms.map(|form| (form, first)));
    }
    Rules {
        endings,
        verbal: set(VERB),
        past: set(PAST),
        sure: set(SURE),
        short_participle: set(SHORT_PARTICIPLE),
        irregular,
        roots: ROOTS.into_iter().collect(),
        go: set(GO),
        come: set(COME),
        can: set(CAN),
        give: set(GIVE),
        give_often: set(GIVE_OFTEN),
        drink: set(DRINK),
    }
});

/// The stem of a folded word of Russian letters.
pub(super) fn stem(word: &str) -> Cow<'_, str> {
    let rules = &*RULES;
    if let Some(known) = rules.irregular.get(word) {
        return Cow::Borrowed(known);
    }
    let letters = word.chars().count();
    if letters <= 2 {
        return Cow::Borrowed(word);
    }
    if rules.come.contains(word) {
        return Cow::Borrowed("прийд");
    }
    let plain = word.strip_suffix("ся").or_else(|| word.strip_suffix("сь")).filter(|_| letters > 4).unwrap_or(word);
    if let Some(verb) = prefixed(rules, plain) {
        return Cow::Owned(verb);
    }
    let (once, verbal) = strip(rules, plain, None);
    let (twice, _) = strip(rules, once, Some(verbal));
    let root = root(rules, twice);
    // Signs alone are no word, and a word all the same.
    if root.is_empty() { Cow::Borrowed(word) } else { Cow::Owned(root) }
}

/// The ways to take a prefix off that leave so many letters, and the whole.
fn prefixes(word: &str, least: usize) -> impl Iterator<Item = (&str, &str)> {
    let cut = PREFIXES.iter().chain(&SHORT_PREFIXES).filter_map(move |prefix| {
        let rest = word.strip_prefix(prefix)?;
        (rest.len() >= least * 2).then(|| word.split_at(prefix.len()))
    });
    cut.chain([("", word)])
}

fn prefixed(rules: &Rules, word: &str) -> Option<String> {
    prefixes(word, 0).find_map(|(prefix, rest)| {
        if rules.go.contains(rest) || (!prefix.is_empty() && rest.starts_with("йд")) {
            return Some(format!("{prefix}йд"));
        }
        if !prefix.is_empty() && rules.can.contains(rest) {
            return Some(format!("{prefix}мог"));
        }
        if !prefix.is_empty() && rules.give.contains(rest) {
            return Some(format!("{prefix}да"));
        }
        if rules.give_often.contains(rest) {
            return Some(format!("{prefix}дава"));
        }
        let first = rest.chars().next().filter(|first| matches!(first, 'п' | 'б' | 'л' | 'в' | 'ш'))?;
        rules.drink.contains(&rest[first.len_utf8()..]).then(|| format!("{prefix}{first}и"))
    })
}

/// Takes the longest ending off; also whether it was one of verbs. The second time it knows what the first one was.
fn strip<'a>(rules: &Rules, word: &'a str, before: Option<bool>) -> (&'a str, bool) {
    let letters = word.len() / 2;
    for length in (1..=ENDING_LETTERS_MAX.min(letters.saturating_sub(2))).rev() {
        let (rest, ending) = word.split_at(word.len() - length * 2);
        if !rules.endings.contains(ending) {
            continue;
        }
        let least = if rules.sure.contains(ending) { 2 } else { 3 };
        let least = if rules.short_participle.contains(ending) { 4 } else { least };
        let last = rest.chars().next_back().unwrap_or_default();
        let past = rules.past.contains(ending);
        let fits = rest.len() / 2 >= least
            && rest.contains(is_vowel)
            && (!past || matches!(last, 'а' | 'я' | 'и' | 'е' | 'у' | 'ы'))
            && !(past && (before == Some(true) || (before.is_some() && matches!(ending, "в" | "вши"))))
            && (ending != "ть" || is_vowel(last))
            && (ending != "ти" || matches!(last, 'с' | 'з'));
        if fits {
            return (rest, rules.verbal.contains(ending));
        }
    }
    (word, false)
}

/// What is left, without what changes between the forms of a root.
fn root(rules: &Rules, stripped: &str) -> String {
    let mut root = stripped.chars().filter(|letter| !matches!(letter, 'ь' | 'ъ')).collect::<Vec<_>>();
    while let [.., before, last] = root.as_slice()
        && is_vowel(*last)
        && (root.len() > 3 || (root.len() > 2 && !is_vowel(*before)))
    {
        root.pop();
    }
    // люблю, любит.
    if root.len() > 3 && matches!(root.as_slice(), [.., 'б' | 'п' | 'в' | 'м' | 'ф', 'л']) {
        root.pop();
    }
    // сестёр, сестра; сынок, сынки; копеек, копейки.
    let length = root.len();
    match root.as_slice() {
        [_, .., before, fleeting, last] if length >= 4 && !is_vowel(*last) => match (*before, *fleeting, *last) {
            (before, 'е', 'к') if is_vowel(before) => root[length - 2] = 'й',
            (before, 'е', _) | (before, 'о', 'к') if !is_vowel(before) => drop(root.remove(length - 2)),
            _ => {}
        },
        _ => {}
    }
    let root = root.into_iter().collect::<String>();
    // вижу, видит; пишу, писать; возьму, взять.
    let changed = prefixes(&root, 1).find_map(|(prefix, rest)| {
        let to = rules.roots.get(rest)?;
        let alone = matches!(rest, "йм" | "ним" | "пад" | "буд" | "ед" | "жив" | "шл");
        (!prefix.is_empty() || !alone).then(|| format!("{prefix}{to}"))
    });
    let mut root = changed.unwrap_or(root);
    // нужен, нужна; сделан, сделанный.
    if root.len() >= 5 * 2
        && let Some(short) = root.strip_suffix('н')
        && !short.ends_with(is_vowel)
    {
        root.truncate(short.len());
    }
    root
}

fn is_vowel(letter: char) -> bool {
    matches!(letter, 'а' | 'е' | 'и' | 'о' | 'у' | 'ы' | 'э' | 'ю' | 'я')
}
