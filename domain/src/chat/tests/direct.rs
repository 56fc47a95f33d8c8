//! The chat of two people.

use super::*;

fn account_of(id: UserId, called: &str) -> user::State {
    let mut state = user::State::default();
    let personal = Personal::Known(user::SignedUpAs { user_name: UserName::parse(called).unwrap(), email: None });
    user::evolve(id, &mut state, &user::Event::SignedUp(user::SignedUp { at: Timestamp(0), personal }));
    state
}

fn open(by: UserId, with: UserId) -> Command {
    Command::OpenDirect(OpenDirect { by, with })
}

fn asked(given: &[Event], when: &Command, other: &user::State) -> Result<Decision, Refusal> {
    let user = account_of(OLGA, "Olga");
    decide(ROOM, &folded(given), &Beside { user: &user, other, claim: name::State::default() }, when, NOON)
}

fn joined(user_id: UserId, called: &str) -> Event {
    Event::MemberJoined(MemberJoined { user_id, role: Role::Member, invitation: None, nickname: nickname(called) })
}

fn of_two() -> Vec<Event> {
    vec![Event::DirectOpened(DirectOpened { by: OLGA, with: BORIS }), joined(OLGA, "Olga"), joined(BORIS, "Boris")]
}

fn hidden(user_id: UserId) -> Event {
    Event::Hidden(HiddenFor { user_id })
}

#[test]
fn two_people_have_one_chat_whoever_opens_it() {
    let boris = account_of(BORIS, "Boris");
    let first = asked(&[], &open(OLGA, BORIS), &boris).unwrap();
    assert_eq!(first.outcome, Outcome::DirectChat { chat_id: ROOM, created: true });
    assert_eq!(first.facts.into_iter().map(of_room).collect::<Vec<_>>(), of_two());
    for (by, with) in [(OLGA, BORIS), (BORIS, OLGA)] {
        let again = asked(&of_two(), &open(by, with), &boris).unwrap();
        assert_eq!((again.facts, again.outcome), (vec![], Outcome::DirectChat { chat_id: ROOM, created: false }));
    }
}

#[test]
fn it_is_with_somebody_else_who_is_there() {
    assert_eq!(asked(&[], &open(OLGA, OLGA), &vera()), Err(Refusal::WithOneself));
    for nobody in [user::State::Absent, user::State::Erased] {
        assert_eq!(asked(&[], &open(OLGA, BORIS), &nobody), Err(Refusal::UserNotFound));
        assert_eq!(asked(&of_two(), &open(OLGA, BORIS), &nobody), Err(Refusal::UserNotFound));
    }
}

#[test]
fn nobody_else_comes_in_and_neither_leads_it() {
    check(&of_two(), Command::Join(Join { user_id: VERA, nickname: None }), Err(Refusal::NotInvited));
    check(&of_two(), Command::BringIn(BringIn { user_id: VERA, nickname: None }), Err(Refusal::NotInvited));
    for by in [OLGA, BORIS] {
        let user_id = if by == OLGA { BORIS } else { OLGA };
        for wish in [
            Command::Add(Add { by, user_id: VERA }),
            Command::Change(Change { by, chat_name: Some(name("ours")), archived: None }),
            Command::Change(Change { by, chat_name: None, archived: Some(true) }),
            Command::Delete(Delete { by }),
            Command::Remove(Remove { by, user_id }),
            Command::SetRole(SetRole { by, user_id, role: Role::Muted }),
            Command::SetRole(SetRole { by, user_id: by, role: Role::Owner }),
        ] {
            check(&of_two(), wish, Err(Refusal::NotAllowed));
        }
    }
}

#[test]
fn who_leaves_puts_it_away_until_they_open_it() {
    let leave = |user_id| Command::Leave(Leave { user_id });
    check(&of_two(), leave(OLGA), Ok(vec![hidden(OLGA)]));
    check(&of_two(), leave(VERA), Err(Refusal::NotAMember));
    let away = [of_two(), vec![hidden(OLGA)]].concat();
    // Something may have been said since.
    check(&away, leave(OLGA), Ok(vec![hidden(OLGA)]));
    let boris = account_of(BORIS, "Boris");
    let shown = asked(&away, &open(OLGA, BORIS), &boris).unwrap();
    assert_eq!(shown.facts.into_iter().map(of_room).collect::<Vec<_>>(), [Event::Shown(HiddenFor { user_id: OLGA })]);
    assert_eq!(asked(&of_two(), &open(OLGA, BORIS), &boris).unwrap().facts, []);
}

#[test]
fn it_goes_with_the_last_of_the_two() {
    let withdraw = |user_id| Command::Withdraw(Withdraw { user_id });
    let left = |user_id| Event::MemberLeft(MemberLeft { user_id });
    check(&of_two(), withdraw(BORIS), Ok(vec![left(BORIS)]));
    let alone = [of_two(), vec![left(BORIS)]].concat();
    let gone = vec![left(OLGA), Event::Deleted(By { by: OLGA })];
    check(&alone, Command::Leave(Leave { user_id: OLGA }), Ok(gone.clone()));
    check(&alone, withdraw(OLGA), Ok(gone));
}
