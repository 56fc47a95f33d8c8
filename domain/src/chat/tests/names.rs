//! What members are called: nobody as somebody else.

use super::*;

fn join_as(user_id: UserId, text: &str) -> Command {
    Command::Join(Join { user_id, nickname: Some(chosen(text)) })
}

fn set_nickname(user_id: UserId, text: &str) -> Command {
    Command::SetNickname(SetNickname { user_id, nickname: chosen(text) })
}

fn changed(user_id: UserId, text: &str) -> Event {
    Event::NicknameChanged(NicknameChanged { user_id, nickname: nickname(text) })
}

#[test]
fn a_name_that_another_member_has_is_taken_however_it_is_written() {
    for taken in ["Boris", "BORIS", " boris ", "Ｂｏｒｉｓ"] {
        check(&with_boris(Role::Member), join_as(VERA, taken), Err(Refusal::NameTaken));
        check(&with_boris(Role::Member), set_nickname(OLGA, taken), Err(Refusal::NameTaken));
        check(&with_boris(Role::Member), join_as(OLGA, taken), Err(Refusal::NameTaken));
    }
    let as_vera = and(of_olga(), [joined(BORIS, Role::Member), changed(BORIS, "vera")]);
    check(&as_vera, join(VERA), Err(Refusal::NameTaken));
    check(&as_vera, add(OLGA, VERA), Err(Refusal::NameTaken));
    check(
        &as_vera,
        join_as(VERA, "Vera Two"),
        Ok(vec![Event::MemberJoined(MemberJoined {
            user_id: VERA,
            role: Role::Member,
            invitation: None,
            nickname: nickname("Vera Two"),
        })]),
    );
}

#[test]
fn a_name_is_free_again_when_its_bearer_goes_or_changes_it() {
    let vera =
        |text: &str| MemberJoined { user_id: VERA, role: Role::Member, invitation: None, nickname: nickname(text) };
    for freed in [left(BORIS), removed(BORIS, OLGA), changed(BORIS, "Bob")] {
        let given = and(with_boris(Role::Member), [freed]);
        check(&given, join_as(VERA, "Boris"), Ok(vec![Event::MemberJoined(vera("Boris"))]));
    }
    // Old logs have two of a name: one of them going does not free it.
    let twice = and(with_boris(Role::Member), [changed(OLGA, "boris"), left(BORIS)]);
    check(&twice, join_as(VERA, "Boris"), Err(Refusal::NameTaken));
}

#[test]
fn members_change_their_own_name_also_its_spelling() {
    for role in Role::ALL {
        let given = with_boris(role);
        check(&given, set_nickname(BORIS, "Bob"), Ok(vec![changed(BORIS, "Bob")]));
        check(&given, set_nickname(BORIS, "BORIS"), Ok(vec![changed(BORIS, "BORIS")]));
        check(&given, set_nickname(BORIS, "Boris"), Ok(vec![]));
        // Joining again under another name is no silent success: it is the new name.
        check(&given, join_as(BORIS, "Bob"), Ok(vec![changed(BORIS, "Bob")]));
        check(&given, join_as(BORIS, "Boris"), Ok(vec![]));
        check_again(&given, set_nickname(BORIS, "Bob"), Ok(vec![]));
    }
    check(&of_olga(), set_nickname(BORIS, "Bob"), Err(Refusal::NotAMember));
}

#[test]
fn a_name_of_anothers_account_is_taken_and_ones_own_is_not() {
    let wishes = [join_as(VERA, "Boris"), create(false, Some("Boris"))];
    let given: [Vec<Event>; 2] = [of_olga(), vec![]];
    for (wish, given) in wishes.into_iter().zip(given) {
        let by = if given.is_empty() { OLGA } else { VERA };
        for (owner, taken) in [(Some(BORIS), true), (Some(by), false), (None, false)] {
            let decided =
                decide(ROOM, &folded(&given), &Beside { claim: name::State { owner }, ..beside(&vera()) }, &wish, NOON);
            assert_eq!(decided.err(), taken.then_some(Refusal::NameTaken), "{wish:?} {owner:?}");
        }
    }
    let claimed = name::State { owner: Some(BORIS) };
    let refused = decide(
        ROOM,
        &folded(&of_olga()),
        &Beside { claim: claimed, ..beside(&vera()) },
        &set_nickname(OLGA, "Boris"),
        NOON,
    );
    assert_eq!(refused.err(), Some(Refusal::NameTaken));
}

#[test]
fn history_brings_in_whom_the_rules_of_today_would_refuse_under_a_name_that_is_free() {
    let bring_in = |nickname: Option<&str>| Command::BringIn(BringIn { user_id: VERA, nickname: nickname.map(chosen) });
    let came = |text: &str| {
        Event::MemberJoined(MemberJoined {
            user_id: VERA,
            role: Role::Member,
            invitation: None,
            nickname: nickname(text),
        })
    };
    let private = vec![created(true), joined(OLGA, Role::Owner)];
    for given in [of_olga(), private, and(of_olga(), [archived()])] {
        check(&given, bring_in(Some("V")), Ok(vec![came("V")]));
        check(&given, bring_in(Some("Olga")), Ok(vec![came("Vera")]));
        check(&given, bring_in(Some("Olga ")), Ok(vec![came("Olga ")]));
    }
    let all_taken = and(of_olga(), [joined(BORIS, Role::Member), changed(BORIS, "vera")]);
    let made = Nickname::made_for(VERA);
    check(&all_taken, bring_in(Some("Olga")), Ok(vec![came(made.as_str())]));
    check(&and(of_olga(), [joined(VERA, Role::Muted)]), bring_in(Some("V")), Ok(vec![]));
    check(&and(of_olga(), [left(OLGA), deleted(OLGA)]), bring_in(None), Err(Refusal::NotFound));
}
