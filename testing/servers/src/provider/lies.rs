//! The ways in which a provider can lie.

/// Where it can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Its configuration.
    Configuration,
    /// Its keys.
    Keys,
    /// Tokens for a code.
    Token,
    /// What it knows of a user.
    User,
}

/// What it does that it must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// The configuration is that of another issuer.
    OtherConfiguration,
    /// The ID token has another nonce.
    Nonce,
    /// It has none.
    NoNonce,
    /// It is of another issuer.
    Issuer,
    /// It is for another client.
    Audience,
    /// It is for us and others, and does not say for whom it was made.
    SeveralAudiences,
    /// It was made for another client.
    AuthorizedParty,
    /// It ended two minutes ago.
    Expired,
    /// It ended half a minute ago, by a clock that may be late.
    ExpiredJustNow,
    /// It does not say when it ends.
    NeverExpires,
    /// It is signed by nobody.
    None,
    /// It is signed with the public key, as if that were a secret.
    HmacWithPublicKey,
    /// It is signed by a key of somebody else under the name of the provider's.
    ForeignKey,
    /// The same, under a name that nobody knows.
    ForeignKeyOfItsOwn,
    /// It was changed after it was signed.
    Tampered,
    /// It names nobody.
    NoSubject,
    /// It names nobody, as text.
    EmptySubject,
    /// There is no ID token.
    NoToken,
    /// What is known of the user is of another one.
    OtherUser,
    /// The browser brings the name of another issuer.
    OtherIssuerInCallback,
    /// It brings no name of an issuer.
    NoIssuerInCallback,
    /// The person does not want to.
    Denies,
    /// The code is refused.
    RefusesCode,
    /// The address is told by who knows the user, and not in the token.
    AddressElsewhere,
    /// An answer that is too long.
    Oversized(Place),
    /// No answer.
    Slow(Place),
    /// An answer that leads elsewhere.
    Redirects(Place),
    /// 500.
    Fails(Place),
    /// No JSON.
    Garbage(Place),
}
