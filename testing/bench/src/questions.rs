//! The questions, in the words of both sides.

use crate::Message;
use domain::{ChatId, UserId};
use std::collections::{BTreeMap, HashMap};

/// Chats that the one is in who asks: the largest ones.
const CHATS: usize = 50;
/// Questions of each kind.
const OF_A_KIND: usize = 25;

/// A question.
pub struct BenchQuestion {
    pub kind: &'static str,
    /// As somebody types it.
    pub typed: String,
    /// What PostgreSQL makes a `tsquery` of, and by which function.
    pub words: String,
    pub function: &'static str,
    pub author: Option<UserId>,
    pub chat: Option<ChatId>,
}

/// The largest chats.
pub fn chats(messages: &[Message]) -> Vec<ChatId> {
    let mut sizes = HashMap::<ChatId, usize>::new();
    for message in messages {
        *sizes.entry(message.chat_id).or_default() += 1;
    }
    let mut sizes = sizes.into_iter().map(|(chat, size)| (size, chat.0)).collect::<Vec<_>>();
    sizes.sort_unstable_by(|one, other| other.cmp(one));
    sizes.into_iter().take(CHATS).map(|(_, chat)| ChatId(chat)).collect()
}

/// A rare and a common word, two words, a phrase, a prefix, a word of an author and in a chat: from messages that are stored
/// evenly in the log, half of them where the one who asks may look.
pub fn mixed(messages: &[Message], chats: &[ChatId]) -> Vec<BenchQuestion> {
    let mut counts = HashMap::<&str, usize>::new();
    for message in messages {
        words(&message.text).for_each(|word| *counts.entry(word).or_default() += 1);
    }
    let mut by_count = counts.iter().filter(|(word, _)| word.chars().count() > 3).collect::<Vec<_>>();
    by_count.sort_unstable_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
    let common = by_count.iter().take(OF_A_KIND).map(|(word, _)| **word).collect::<Vec<_>>();
    let rare = by_count.iter().filter(|(_, count)| (2..=20).contains(*count)).map(|(word, _)| **word);
    let rare = every(rare.collect(), OF_A_KIND);
    let readable = messages.iter().filter(|message| chats.contains(&message.chat_id));
    let said = readable.map(|message| (message, words(&message.text).collect::<Vec<_>>()));
    let said = every(said.filter(|(_, words)| words.len() >= 4).collect(), OF_A_KIND);
    let mut asked = BTreeMap::<&str, Vec<BenchQuestion>>::new();
    let mut add = |kind, typed: String, (function, words): (&'static str, String), author, chat| {
        asked.entry(kind).or_default().push(BenchQuestion { kind, typed, words, function, author, chat });
    };
    for word in common {
        add("common word", format!("{word} "), ("plainto_tsquery", word.to_owned()), None, None);
    }
    for word in rare {
        add("rare word", format!("{word} "), ("plainto_tsquery", word.to_owned()), None, None);
    }
    for (message, words) in said {
        let (two, plain) = (format!("{} {}", words[0], words[2]), "plainto_tsquery");
        let longest = words.iter().max_by_key(|word| word.len()).copied().unwrap_or_default();
        let (author, chat) = (message.author, message.chat_id);
        add("two words", format!("{two} "), (plain, two), None, None);
        let phrase = format!("{} {}", words[1], words[2]);
        add("phrase", format!("\"{phrase}\""), ("phraseto_tsquery", phrase), None, None);
        let prefix = longest.chars().take(4).collect::<String>();
        add("prefix", format!("{prefix}*"), ("to_tsquery", format!("{prefix}:*")), None, None);
        let word = words[0].to_owned();
        add("of an author", format!("{word} from:{} ", author.0), (plain, word), Some(author), None);
        let word = words[1].to_owned();
        add("in a chat", format!("{word} in:{} ", chat.0), (plain, word), None, Some(chat));
        add("longest word", format!("{longest} "), (plain, longest.to_owned()), None, None);
    }
    asked.into_values().flatten().collect()
}

/// What is a word to both sides.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| word.len() > 1 && word.chars().all(char::is_alphabetic))
}

/// So many, evenly from all over.
fn every<T>(all: Vec<T>, wanted: usize) -> Vec<T> {
    let step = all.len() / wanted + 1;
    all.into_iter().step_by(step).collect()
}
