//! Who keeps whom from using their account.

use super::*;
use crate::text::Note;

const MARA: UserId = UserId(Uuid::from_u128(4));

fn judge(role: Role) -> State {
    let mut state = State::default();
    for event in [signed_up(), Event::RoleSet(RoleSet { role })] {
        evolve(MARA, &mut state, &event);
    }
    state
}

fn suspend(by: UserId, until: Option<Timestamp>) -> Command {
    Command::Suspend(Suspend { by, reason: Note::parse("spam").unwrap(), until })
}

fn suspended(by: UserId, until: Option<Timestamp>) -> Event {
    Event::Suspended(Suspended { by, until, reason: Personal::Known(Note::parse("spam").unwrap()) })
}

fn by(judge: &State, given: &[Event], when: &Command, at: Timestamp) -> Result<Vec<Event>, Refusal> {
    let nobodys = Seen { state: email::State::default(), owner: &State::Absent };
    let beside = Beside { claim: name::State::default(), address: nobodys, by: judge };
    let decision = decide(ANNA, &folded(given), &beside, when, at)?;
    Ok(decision.facts.into_iter().filter_map(of_anna).collect())
}

#[test]
fn it_ends_every_session_and_itself() {
    let ended = Event::SessionsEnded(SessionsEnded { keep: None });
    let until = Some(NOON.plus_seconds(60));
    let first = by(&judge(Role::Moderator), &[signed_up()], &suspend(MARA, until), NOON).unwrap();
    assert_eq!(first, [suspended(MARA, until), ended]);
    let given = [signed_up(), suspended(MARA, until)];
    assert_eq!(by(&judge(Role::Moderator), &given, &suspend(MARA, until), NOON), Ok(vec![]));
    let State::Open(account) = folded(&given) else { panic!("it is open") };
    assert!(account.suspended_at(NOON).is_some() && account.suspended_at(NOON.plus_seconds(60)).is_none());
    let unsuspend = Command::Unsuspend(Unsuspend { by: MARA });
    let lifted = Event::Unsuspended(Unsuspended { by: MARA });
    assert_eq!(by(&judge(Role::Moderator), &given, &unsuspend, NOON), Ok(vec![lifted]));
    assert_eq!(by(&judge(Role::Moderator), &given, &unsuspend, NOON.plus_seconds(60)), Ok(vec![]));
    let past = suspend(MARA, Some(NOON));
    assert_eq!(by(&judge(Role::Moderator), &[signed_up()], &past, NOON), Err(Refusal::EndsInThePast));
}

#[test]
fn moderators_and_admins_suspend_and_no_moderator_an_admin() {
    let admin = [signed_up(), Event::RoleSet(RoleSet { role: Role::Admin })];
    let spared = [signed_up()];
    for (role, given, allowed) in [
        (Role::Admin, &admin[..], true),
        (Role::Moderator, &admin[..], false),
        (Role::Moderator, &spared[..], true),
        (Role::Notifier, &spared[..], false),
        (Role::User, &spared[..], false),
    ] {
        for wish in [suspend(MARA, None), Command::Unsuspend(Unsuspend { by: MARA })] {
            let follows = by(&judge(role), given, &wish, NOON);
            assert!(if allowed { follows.is_ok() } else { follows == Err(Refusal::NotAllowed) }, "{role:?} {wish:?}");
        }
    }
    assert_eq!(by(&judge(Role::Admin), &admin, &suspend(ANNA, None), NOON), Err(Refusal::NotAllowed), "oneself");
    for nobody in [State::Absent, State::Erased] {
        assert_eq!(by(&nobody, &spared, &suspend(MARA, None), NOON), Err(Refusal::NotAllowed));
        assert!(by(&nobody, &admin, &suspend(UserId::OPERATOR, None), NOON).is_ok());
    }
    assert_eq!(by(&judge(Role::Admin), &[], &suspend(MARA, None), NOON), Err(Refusal::NotFound));
}
