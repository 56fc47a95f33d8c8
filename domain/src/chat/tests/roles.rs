//! Who may what in a chat, and who has which role after what.

use super::*;

#[test]
fn who_may_what_by_role() {
    let table = [
        // role         add    rename archive delete
        (Role::Owner, [true, true, true, true]),
        (Role::Admin, [true, true, true, false]),
        (Role::Member, [false, false, false, false]),
        (Role::Muted, [false, false, false, false]),
    ];
    for (role, [may_add, may_rename, may_archive, may_delete]) in table {
        let given = with_boris(role);
        let renamed = Event::Renamed(Renamed { chat_name: name("garden"), by: BORIS });
        let by = By { by: BORIS };
        check(&given, add(BORIS, VERA), when_allowed(may_add, added(VERA, Role::Member, BORIS)));
        check(&given, rename(BORIS, "garden"), when_allowed(may_rename, renamed));
        check(&given, archive(BORIS, true), when_allowed(may_archive, Event::Archived(by.clone())));
        check(&given, Command::Delete(Delete { by: BORIS }), when_allowed(may_delete, Event::Deleted(by)));
    }
}

fn when_allowed(allowed: bool, event: Event) -> Result<Vec<Event>, Refusal> {
    if allowed { Ok(vec![event]) } else { Err(Refusal::NotAllowed) }
}

/// Boris in the one role, Vera in the other.
fn pair(mine: Role, theirs: Role) -> Vec<Event> {
    and(with_boris(mine), [joined(VERA, theirs)])
}

#[test]
fn who_may_remove_whom_by_both_roles() {
    let table = [
        // mine         owner  admin  member muted
        (Role::Owner, [false, true, true, true]),
        (Role::Admin, [false, false, true, true]),
        (Role::Member, [false, false, false, false]),
        (Role::Muted, [false, false, false, false]),
    ];
    for (mine, row) in table {
        for (theirs, may) in Role::ALL.into_iter().zip(row) {
            check(&pair(mine, theirs), remove(BORIS, VERA), when_allowed(may, removed(VERA, BORIS)));
        }
    }
}

#[test]
fn who_may_give_whom_which_role() {
    use Role::{Admin, Member, Muted, Owner};
    let table: [(Role, Role, &[Role]); 16] = [
        // mine, theirs, which I may give. There is one owner, except here, where all pairs are asked.
        (Owner, Owner, &[Owner]),
        (Owner, Admin, &[Owner, Admin, Member, Muted]),
        (Owner, Member, &[Owner, Admin, Member, Muted]),
        (Owner, Muted, &[Owner, Admin, Member, Muted]),
        (Admin, Owner, &[]),
        (Admin, Admin, &[]),
        (Admin, Member, &[Member, Muted]),
        (Admin, Muted, &[Member, Muted]),
        (Member, Owner, &[]),
        (Member, Admin, &[]),
        (Member, Member, &[]),
        (Member, Muted, &[]),
        (Muted, Owner, &[]),
        (Muted, Admin, &[]),
        (Muted, Member, &[]),
        (Muted, Muted, &[]),
    ];
    for (mine, theirs, may_give) in table {
        for role in Role::ALL {
            let given = role_changed(VERA, role, BORIS);
            let then = if !may_give.contains(&role) {
                Err(Refusal::NotAllowed)
            } else if role == theirs {
                Ok(vec![])
            } else if role == Owner {
                Ok(vec![given, role_changed(BORIS, Admin, BORIS)])
            } else {
                Ok(vec![given])
            };
            check(&pair(mine, theirs), set_role(BORIS, VERA, role), then);
        }
    }
}

#[test]
fn nobody_changes_his_own_role() {
    for mine in Role::ALL {
        for role in Role::ALL {
            // An owner who makes themselves the owner has what they want already.
            let has_it = mine == Role::Owner && role == Role::Owner;
            let then = if has_it { Ok(vec![]) } else { Err(Refusal::NotAllowed) };
            check(&with_boris(mine), set_role(BORIS, BORIS, role), then);
        }
    }
}

#[test]
fn nobody_removes_himself() {
    for mine in Role::ALL {
        check(&with_boris(mine), remove(BORIS, BORIS), Err(Refusal::NotAllowed));
    }
}

#[test]
fn whoever_is_not_in_the_chat_has_no_role_to_change_and_cannot_be_removed() {
    check(&of_olga(), remove(OLGA, VERA), Err(Refusal::MemberNotFound));
    check(&of_olga(), set_role(OLGA, VERA, Role::Muted), Err(Refusal::MemberNotFound));
}

#[test]
fn handing_over_makes_an_owner_of_the_other_and_an_admin_of_the_old_one() {
    let handed_over = [role_changed(BORIS, Role::Owner, OLGA), role_changed(OLGA, Role::Admin, OLGA)];
    let given = with_boris(Role::Member);
    check(&given, set_role(OLGA, BORIS, Role::Owner), Ok(handed_over.to_vec()));
    let after = and(given, handed_over);
    let members = HashMap::from([(BORIS, Role::Owner), (OLGA, Role::Admin)]);
    assert_eq!(room(&after).members, members);
    check(&after, Command::Delete(Delete { by: OLGA }), Err(Refusal::NotAllowed));
    check(&after, leave(OLGA), Ok(vec![left(OLGA)]));
}

#[test]
fn the_owner_leaves_only_after_handing_over_or_as_the_last() {
    check(&with_boris(Role::Admin), leave(OLGA), Err(Refusal::OwnerMustHandOver));
    check(&of_olga(), leave(OLGA), Ok(vec![left(OLGA), deleted(OLGA)]));
    // Old logs may have two: then one of them may go.
    let two = with_boris(Role::Owner);
    check(&and(two, [joined(VERA, Role::Member)]), leave(OLGA), Ok(vec![left(OLGA)]));
}

#[test]
fn the_last_member_takes_the_chat_along() {
    for role in Role::ALL {
        let alone = and(with_boris(role), [left(OLGA)]);
        for when in [leave(BORIS), Command::Withdraw(Withdraw { user_id: BORIS })] {
            check(&alone, when, Ok(vec![left(BORIS), deleted(BORIS)]));
        }
    }
    assert_eq!(folded(&and(of_olga(), [left(OLGA), deleted(OLGA)])), State::Deleted);
}

#[test]
fn everyone_else_leaves_at_will() {
    for role in [Role::Admin, Role::Member, Role::Muted] {
        check(&with_boris(role), leave(BORIS), Ok(vec![left(BORIS)]));
    }
}

#[test]
fn the_muted_are_muted_when_they_come_back() {
    for goes in [left(VERA), removed(VERA, OLGA)] {
        let given = and(of_olga(), [joined(VERA, Role::Muted), goes]);
        check(&given, join(VERA), Ok(vec![joined(VERA, Role::Muted)]));
        check(&given, add(OLGA, VERA), Ok(vec![added(VERA, Role::Muted, OLGA)]));
    }
}

#[test]
fn who_was_muted_once_and_is_no_more_comes_back_as_a_member() {
    let forgiven = [
        joined(VERA, Role::Muted),
        left(VERA),
        joined(VERA, Role::Muted),
        role_changed(VERA, Role::Member, OLGA),
        left(VERA),
    ];
    check(&and(of_olga(), forgiven), join(VERA), Ok(vec![joined(VERA, Role::Member)]));
}

#[test]
fn admins_come_back_as_members() {
    let given = and(of_olga(), [joined(VERA, Role::Admin), left(VERA)]);
    check(&given, join(VERA), Ok(vec![joined(VERA, Role::Member)]));
}

#[test]
fn roles_read_back_from_their_names() {
    for role in Role::ALL {
        assert_eq!(Role::parse(role.name()), Some(role));
        assert_eq!(serde_json::to_value(role).unwrap(), role.name());
    }
    assert_eq!(Role::parse("guest"), None);
}

#[test]
fn who_is_to_be_erased_is_followed_by_whoever_has_led_or_been_there_longest() {
    let (mute, member) = (joined(BORIS, Role::Muted), joined(BORIS, Role::Member));
    let withdraw = |user_id| Command::Withdraw(Withdraw { user_id });
    let heir = |user_id| Ok(vec![left(OLGA), role_changed(user_id, Role::Owner, OLGA)]);
    check(&and(of_olga(), [member.clone(), joined(VERA, Role::Admin)]), withdraw(OLGA), heir(VERA));
    check(&and(of_olga(), [member.clone(), joined(VERA, Role::Member)]), withdraw(OLGA), heir(BORIS));
    check(&and(of_olga(), [mute.clone(), joined(VERA, Role::Member)]), withdraw(OLGA), heir(VERA));
    check(&and(of_olga(), [mute]), withdraw(OLGA), heir(BORIS));
    // Who leaves and comes back is there since then.
    let again = [member.clone(), joined(VERA, Role::Member), left(BORIS), member.clone()];
    check(&and(of_olga(), again), withdraw(OLGA), heir(VERA));
    check(&and(of_olga(), [member]), withdraw(BORIS), Ok(vec![left(BORIS)]));
    check(&of_olga(), withdraw(VERA), Ok(vec![]));
    check(&of_olga(), withdraw(OLGA), Ok(vec![left(OLGA), deleted(OLGA)]));
    let private = [created(true), joined(OLGA, Role::Owner)];
    check(&private, withdraw(OLGA), Ok(vec![left(OLGA), deleted(OLGA)]));
}

#[test]
fn an_empty_chat_of_an_old_log_is_nobodys_and_can_only_be_deleted() {
    let empty = and(with_boris(Role::Member), [left(OLGA), left(BORIS)]);
    for wish in wishes_of_boris().into_iter().chain([join(VERA), add(OLGA, VERA)]) {
        check(&empty, wish, Err(Refusal::NotFound));
    }
    check(&empty, Command::DeleteIfEmpty, Ok(vec![deleted(BORIS)]));
    check_again(&empty, Command::DeleteIfEmpty, Err(Refusal::NotFound));
    check(&of_olga(), Command::DeleteIfEmpty, Ok(vec![]));
    // Somebody led it again before this rule: it is theirs.
    let again = and(empty, [joined(VERA, Role::Owner)]);
    check(&again, Command::DeleteIfEmpty, Ok(vec![]));
    check(&again, Command::Delete(Delete { by: VERA }), Ok(vec![deleted(VERA)]));
}
