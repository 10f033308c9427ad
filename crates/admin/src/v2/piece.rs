//! What authorizers, models, and responses of API Gateway v2 have in common: how they are listed,
//! shown, made, altered and removed.
//!
//! An update is a part of a document; what it does not say is taken from the piece as it is, and
//! the change carries a digest of that (see `model::v2`), so that no update is lost.

use http::StatusCode;
use model::{
    ApiId, Config, HttpContent, Op, ResourceKind,
    rest::Seen,
    v2::{V2Change, V2Key, V2Part},
};
use serde_json::Value;

use super::content;
use crate::{
    answer::Answer,
    call::{Call, Write},
    page::page,
    refusal::Refusal,
};

/// A kind of piece.
pub(super) trait Piece {
    /// A piece of this kind.
    type Item;
    /// As refusals name it.
    const KIND: ResourceKind;

    /// The piece that the path names; what it belongs to must be there.
    fn key(call: &Call<'_>) -> Result<V2Key, Refusal>;

    /// The piece, if it is of this kind.
    fn item(part: V2Part) -> Option<Self::Item>;

    /// The piece as any other.
    fn part(item: Self::Item) -> V2Part;

    /// Reads a new piece, or what `old` becomes.
    fn read(call: &Call<'_>, old: Option<Self::Item>) -> Result<Self::Item, Refusal>;

    /// What clients see of it.
    fn shape(item: &Self::Item) -> Value;
}

/// The text of a piece's own id.
fn id_of(key: &V2Key) -> &str {
    match key {
        V2Key::Authorizer(id) => id.as_str(),
        V2Key::Model(id) => id.as_str(),
        V2Key::IntegrationResponse(_, id) => id.as_str(),
        V2Key::RouteResponse(_, id) => id.as_str(),
    }
}

fn found<P: Piece>(content: &HttpContent, key: &V2Key) -> Result<(P::Item, Seen), Refusal> {
    let missing = || Refusal::not_found(P::KIND, id_of(key));
    let part = content.part(key).ok_or_else(missing)?;
    let seen = Seen::of(Some(&part));
    Ok((P::item(part).ok_or_else(missing)?, seen))
}

/// `GET` of one.
pub(super) fn show<P: Piece>(call: &Call<'_>) -> Result<Answer, Refusal> {
    let key = P::key(call)?;
    let (item, _) = found::<P>(content(call.config, call.argument(0))?, &key)?;
    Answer::ok(&P::shape(&item))
}

/// `GET` of a list.
pub(super) fn list<'c, P: Piece>(
    call: &Call<'_>,
    items: impl Iterator<Item = (&'c str, &'c P::Item)>,
) -> Result<Answer, Refusal>
where
    P::Item: 'c,
{
    page(call, items.map(|(id, item)| (id, P::shape(item))))
}

/// `POST` to a list; `key` names the piece by the id that it was read with.
pub(super) fn create<P: Piece>(
    call: &Call<'_>,
    key: impl FnOnce(&P::Item) -> V2Key,
) -> Result<Write, Refusal> {
    content(call.config, call.argument(0))?;
    let item = P::read(call, None)?;
    let key = key(&item);
    Ok(writing::<P>(call, key, Seen::Nothing, item))
}

/// `PATCH`.
pub(super) fn update<P: Piece>(call: &Call<'_>) -> Result<Write, Refusal> {
    let key = P::key(call)?;
    let (item, seen) = found::<P>(content(call.config, call.argument(0))?, &key)?;
    let item = P::read(call, Some(item))?;
    Ok(writing::<P>(call, key, seen, item))
}

/// `DELETE`.
pub(super) fn delete<P: Piece>(call: &Call<'_>) -> Result<Write, Refusal> {
    let key = P::key(call)?;
    found::<P>(content(call.config, call.argument(0))?, &key)?;
    let change = V2Change {
        key,
        seen: Seen::Anything,
        put: None,
    };
    let api = ApiId::from(call.argument(0));
    Ok(Write::silent(Op::V2(api, Box::new(change))))
}

fn writing<P: Piece>(call: &Call<'_>, key: V2Key, seen: Seen, item: P::Item) -> Write {
    let status = match seen {
        Seen::Nothing => StatusCode::CREATED,
        Seen::Anything | Seen::This(_) => StatusCode::OK,
    };
    let api = ApiId::from(call.argument(0));
    let change = V2Change {
        key: key.clone(),
        seen,
        put: Some(P::part(item)),
    };
    let op = Op::V2(api.clone(), Box::new(change));
    Write::showing(op, move |config: &Config| {
        let (item, _) = found::<P>(content(config, api.as_str())?, &key)?;
        Answer::json(status, &P::shape(&item))
    })
}
