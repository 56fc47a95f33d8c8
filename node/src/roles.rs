//! Which parts of the work one process does. Where nodes share a log they can be parted; an embedded log has one
//! process, which does all of it.

use std::fmt;

/// A part of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Answers the API. Without it a node answers health checks and figures only.
    Api,
    /// Feeds read models. Without it a node reads what others feed.
    Projections,
    /// Runs the relay, which tells other services what happens.
    Couriers,
}

impl Role {
    /// Every one.
    pub const ALL: [Role; 3] = [Role::Api, Role::Projections, Role::Couriers];

    /// As it is written in settings and shown.
    pub fn name(self) -> &'static str {
        match self {
            Role::Api => "api",
            Role::Projections => "projections",
            Role::Couriers => "couriers",
        }
    }
}

/// The roles of a process: at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Whether it has it, for each of [`Role::ALL`].
    has: [bool; Role::ALL.len()],
}

impl Roles {
    /// All of them.
    pub const ALL: Roles = Roles { has: [true; Role::ALL.len()] };

    /// Reads names with commas between them. `None` when one is unknown, or when there is none.
    pub fn parse(text: &str) -> Option<Roles> {
        let mut has = [false; Role::ALL.len()];
        for name in text.split(',').map(str::trim) {
            let role = Role::ALL.iter().position(|role| role.name() == name)?;
            has[role] = true;
        }
        Some(Roles { has })
    }

    /// Whether it is one of them.
    pub fn has(self, role: Role) -> bool {
        Role::ALL.into_iter().zip(self.has).any(|(one, has)| one == role && has)
    }

    /// Their names, in the order of [`Role::ALL`].
    pub fn names(self) -> Vec<&'static str> {
        Role::ALL.into_iter().filter(|role| self.has(*role)).map(Role::name).collect()
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.names().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_in_any_order_and_shown_in_one() {
        let of = |text: &str| Roles::parse(text).map(|roles| roles.to_string());
        assert_eq!(of("couriers, api,api").as_deref(), Some("api,couriers"));
        assert_eq!(Roles::parse("projections,couriers,api"), Some(Roles::ALL));
        let one = Roles::parse("projections").unwrap();
        assert_eq!(Role::ALL.map(|role| one.has(role)), [false, true, false]);
        for bad in ["", ",", "api,", "all", "Api", "api;couriers", "cook"] {
            assert_eq!(of(bad), None, "{bad:?}");
        }
    }
}
