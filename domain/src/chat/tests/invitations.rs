//! Who comes in by an invitation.

use super::*;
use crate::InvitationId;

const FIRST: InvitationId = InvitationId(Uuid::from_u128(50));

fn invite(by: UserId) -> Command {
    Command::Invite(Invite { by, invitation_id: FIRST, expires_at: NOON.plus_seconds(60), uses_max: Some(2) })
}

fn made(number: u128, at: Timestamp, uses_max: Option<u32>) -> Event {
    let invitation_id = InvitationId(Uuid::from_u128(number));
    Event::InvitationMade(InvitationMade { invitation_id, by: OLGA, at, expires_at: at.plus_seconds(60), uses_max })
}

fn join(user_id: UserId) -> Command {
    Command::JoinByInvitation(JoinByInvitation { user_id, invitation_id: FIRST, nickname: None })
}

fn came(user_id: UserId) -> Event {
    let nickname = name_of(user_id);
    Event::MemberJoined(MemberJoined { user_id, role: Role::Member, invitation: Some(FIRST), nickname })
}

fn private(more: Vec<Event>) -> Vec<Event> {
    let created = Event::Created(Created { chat_name: name("gifts"), private: true, by: OLGA });
    [vec![created, joined(OLGA, Role::Owner)], more].concat()
}

#[test]
fn the_owner_and_admins_invite() {
    check(&private(vec![]), invite(OLGA), Ok(vec![made(50, NOON, Some(2))]));
    let invited = Outcome::Invited { invitation_id: FIRST, expires_at: NOON.plus_seconds(60) };
    assert_eq!(outcome(&private(vec![]), &invite(OLGA)), invited);
    check(
        &private(vec![joined(BORIS, Role::Admin)]),
        Command::Invite(Invite { by: BORIS, invitation_id: FIRST, expires_at: NOON.plus_seconds(60), uses_max: None }),
        {
            let expires_at = NOON.plus_seconds(60);
            Ok(vec![Event::InvitationMade(InvitationMade {
                invitation_id: FIRST,
                by: BORIS,
                at: NOON,
                expires_at,
                uses_max: None,
            })])
        },
    );
    for role in [Role::Member, Role::Muted] {
        check(&private(vec![joined(BORIS, role)]), invite(BORIS), Err(Refusal::NotAllowed));
    }
    check(&private(vec![]), invite(BORIS), Err(Refusal::NotAMember));
    check(&private(vec![Event::Archived(By { by: OLGA })]), invite(OLGA), Err(Refusal::Archived));
}

#[test]
fn who_has_its_code_comes_in_until_it_is_used_up() {
    let given = private(vec![made(50, NOON, Some(1))]);
    check(&given, join(VERA), Ok(vec![came(VERA)]));
    assert_eq!(outcome(&given, &join(VERA)), Outcome::Member { user_id: VERA, joined: true });
    let after = [given, vec![came(BORIS)]].concat();
    check(&after, join(VERA), Err(Refusal::InvitationExpired));
    // A member uses nothing up, and is one whatever became of the invitation.
    let given = private(vec![made(50, NOON, Some(1)), joined(VERA, Role::Member)]);
    check(&given, join(VERA), Ok(vec![]));
    check(&private(vec![joined(VERA, Role::Member)]), join(VERA), Ok(vec![]));
    let unbounded = private(vec![made(50, NOON, None), came(BORIS)]);
    check(&unbounded, join(VERA), Ok(vec![came(VERA)]));
}

#[test]
fn it_ends_by_itself_by_being_withdrawn_and_with_its_chat() {
    let given = private(vec![made(50, NOON, None)]);
    let later = NOON.plus_seconds(60);
    let late = decide(ROOM, &folded(&given), &beside(&vera()), &join(VERA), later);
    assert_eq!(late, Err(Refusal::InvitationExpired));
    let withdraw = |by| Command::WithdrawInvitation(WithdrawInvitation { by, invitation_id: FIRST });
    let withdrawn = Event::InvitationWithdrawn(InvitationWithdrawn { invitation_id: FIRST, by: OLGA });
    check(&given, withdraw(OLGA), Ok(vec![withdrawn.clone()]));
    check(&given, withdraw(BORIS), Err(Refusal::NotAMember));
    let late = decide(ROOM, &folded(&given), &beside(&vera()), &withdraw(OLGA), later);
    assert_eq!(late, Err(Refusal::InvitationNotFound));
    let after = [given.clone(), vec![withdrawn]].concat();
    check(&after, withdraw(OLGA), Err(Refusal::InvitationNotFound));
    check(&after, join(VERA), Err(Refusal::InvitationExpired));
    let gone = [given.clone(), vec![Event::Deleted(By { by: OLGA })]].concat();
    check(&gone, join(VERA), Err(Refusal::InvitationExpired));
    check(&[given, vec![Event::Archived(By { by: OLGA })]].concat(), join(VERA), Err(Refusal::Archived));
}

#[test]
fn it_is_no_way_back_for_the_banned() {
    let banned = Event::Banned(Banned { user_id: VERA, by: OLGA, reason: Personal::Erased });
    check(&private(vec![made(50, NOON, None), banned]), join(VERA), Err(Refusal::Banned));
}

#[test]
fn so_many_are_open_at_once_and_those_that_ended_do_not_count() {
    let open = |at: Timestamp| (0..INVITATIONS_MAX).map(move |number| made(1_000 + number as u128, at, None));
    check(&private(open(NOON).collect()), invite(OLGA), Err(Refusal::TooManyInvitations));
    let earlier = NOON.plus_seconds(-60);
    check(&private(open(earlier).collect()), invite(OLGA), Ok(vec![made(50, NOON, Some(2))]));
    let given = private(open(earlier).chain([made(50, NOON, None)]).collect());
    assert_eq!(room(&given).invitations.len(), 1, "the ended ones are dropped");
}
