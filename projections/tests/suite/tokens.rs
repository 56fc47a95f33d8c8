//! Service tokens.

use crate::support::*;
use domain::session::TokenHash;
use domain::text::TokenName;
use domain::token::{self, Scopes};
use domain::{Event, Personal, Timestamp, TokenId, UserId, user};
use projections::{ProjectionId, tokens};
use uuid::Uuid;

const DAY: i64 = 24 * 3_600_000_000;

fn token_id(number: u128) -> TokenId {
    TokenId(Uuid::from_u128(0x7000 + number))
}

fn hash_of(number: u128) -> TokenHash {
    let mut hash = [9; 32];
    hash[..16].copy_from_slice(&number.to_be_bytes());
    TokenHash(hash)
}

fn of_token(number: u128, event: token::Event) -> Event {
    Event::Token(token_id(number), event)
}

fn created(number: u128, who: UserId, at: i64, expires_at: Option<i64>) -> Event {
    let created = token::Created {
        user_id: who,
        token_hash: hash_of(number),
        scopes: Scopes::parse(["read", "notify"]).unwrap(),
        at: Timestamp(at),
        expires_at: expires_at.map(Timestamp),
        name: Personal::Known(TokenName::parse("shop").unwrap()),
    };
    of_token(number, token::Event::Created(created))
}

async fn live(world: &World, who: UserId, at: i64) -> Vec<TokenId> {
    let db = world.projections.database(ProjectionId::Tokens);
    let rows = tokens::of_user(&db, who, Timestamp(at)).await.unwrap();
    assert_eq!(tokens::count(&db, who, Timestamp(at)).await.unwrap(), rows.len() as u64);
    rows.into_iter().map(|token| token.token_id).collect()
}

#[tokio::test]
async fn a_token_is_found_by_its_hash_until_it_is_revoked() {
    let Some(mut world) = World::new() else { return };
    let (anna, boris) = (user_id(1), user_id(2));
    world.follow([created(1, anna, 11, None), created(2, anna, 12, Some(20)), created(3, boris, 13, None)]);
    let db = world.projections.database(ProjectionId::Tokens);
    let found = tokens::by_hash(&db, &hash_of(1)).await.unwrap();
    let expected = tokens::Token {
        token_id: token_id(1),
        user_id: anna,
        name: Some("shop".to_owned()),
        scopes: Scopes::parse(["notify", "read"]).unwrap(),
        created_at: Timestamp(11),
        expires_at: None,
        suspended: None,
    };
    assert_eq!(found, Some(expected));
    let ends = tokens::by_hash(&db, &hash_of(2)).await.unwrap().unwrap();
    assert_eq!(ends.expires_at, Some(Timestamp(20)));
    assert_eq!(tokens::by_hash(&db, &hash_of(4)).await.unwrap(), None);
    assert_eq!(live(&world, anna, 19).await, [2, 1].map(token_id));
    assert_eq!(live(&world, anna, 20).await, [token_id(1)], "it ends at its last instant");

    world.follow([of_token(1, token::Event::Revoked(token::Revoked { user_id: anna }))]);
    assert_eq!(tokens::by_hash(&db, &hash_of(1)).await.unwrap(), None);
    assert_eq!(live(&world, boris, 20).await, [token_id(3)]);
    world.assert_verified();
    world.projections.rebuild(ProjectionId::Tokens, &mut |_| {}).unwrap();
    assert_eq!(live(&world, anna, 19).await, [token_id(2)]);
}

#[tokio::test]
async fn only_what_is_said_of_tokens_ends_them() {
    let Some(mut world) = World::new() else { return };
    let (anna, boris) = (user_id(1), user_id(2));
    let ended = user::Event::SessionsEnded(user::SessionsEnded { keep: None });
    world.follow([
        signed_up(anna, "Anna", None),
        created(1, anna, 11, None),
        created(2, boris, 12, None),
        password(anna, "$two"),
        of_user(anna, ended),
    ]);
    assert_eq!(live(&world, anna, 20).await, [token_id(1)]);
    world.follow([of_user(anna, user::Event::TokensRevoked)]);
    assert_eq!(live(&world, anna, 20).await, []);
    assert_eq!(live(&world, boris, 20).await, [token_id(2)]);
    world.assert_verified();
}

#[tokio::test]
async fn the_tokens_of_who_is_erased_are_gone_also_before_the_projection_sees_him() {
    for follow_first in [true, false] {
        let Some(mut world) = World::new() else { return };
        let anna = user_id(1);
        world.append([signed_up(anna, "Anna", None), created(1, anna, 11, None)]);
        if follow_first {
            world.projections.catch_up().unwrap();
        }
        world.erase(anna);
        world.projections.catch_up().unwrap();
        assert_eq!(live(&world, anna, 20).await, []);
        world.assert_verified();
    }
}

#[tokio::test]
async fn what_expired_a_month_ago_goes_with_the_next_token() {
    let Some(mut world) = World::new() else { return };
    let (anna, boris) = (user_id(1), user_id(2));
    world.follow([created(1, anna, 1, Some(DAY)), created(2, boris, 1, Some(DAY)), created(3, anna, 2, None)]);
    let db = world.projections.database(ProjectionId::Tokens);
    let known = async |number| tokens::by_hash(&db, &hash_of(number)).await.unwrap().is_some();
    world.follow([created(4, anna, 31 * DAY, None)]);
    assert!(known(1).await, "who calls with it is told that it has expired");
    world.follow([created(5, anna, 31 * DAY + 1, None)]);
    assert!(!known(1).await);
    assert!(known(2).await && known(3).await && known(4).await);
    world.assert_verified();
}
