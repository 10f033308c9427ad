//! What all kinds of thing in API Gateway v1 have in common: how they are listed, shown, made,
//! patched and removed.
//!
//! A kind says which piece of the configuration a path names, how it looks as JSON, how JSON is
//! read, and what may be patched. Everything else is done here once. A change carries a digest of
//! the piece that it was made from (see `model::rest`), so that no update is lost.

use http::StatusCode;
use model::{
    Api, ApiId, Config, Op,
    rest::{RestApi, RestChange, RestKey, RestPart, Seen, SharedChange, SharedKey, SharedPart},
};
use serde_json::Value;

use super::{
    input, patch,
    patch::{Rule, Step},
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    page::{self, Names},
    refusal::Refusal,
};

/// Names a piece of the configuration.
#[derive(Clone, Debug)]
pub(super) enum Key {
    Rest(ApiId, RestKey),
    Shared(SharedKey),
}

/// A piece of the configuration.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Rest(RestPart),
    Shared(SharedPart),
}

/// A kind of thing.
pub(super) trait Kind {
    /// A piece of this kind.
    type Item;
    /// What may be patched.
    const RULES: &'static [Rule];
    /// What a put may replace.
    const PUT: Seen = Seen::Anything;
    /// The answer to an update.
    const UPDATED: StatusCode = StatusCode::OK;
    /// The answer to a removal.
    const DELETED: StatusCode = StatusCode::ACCEPTED;

    /// The piece that the path names, which need not be there; what it belongs to must.
    fn key(call: &Call<'_>) -> Result<Key, Refusal>;

    /// What to say when it is not there.
    fn missing(call: &Call<'_>) -> Refusal;

    /// The piece, if it is of this kind.
    fn item(part: Part) -> Option<Self::Item>;

    /// The piece as any other.
    fn part(item: Self::Item) -> Part;

    /// What can be given when it is made.
    fn view(item: &Self::Item) -> Value;

    /// Reads such a view; what cannot be given is taken from the piece as it was, if there was one.
    fn read(
        call: &Call<'_>,
        input: &Document,
        old: Option<&Self::Item>,
    ) -> Result<Self::Item, Refusal>;

    /// What clients see of it.
    fn shown(config: &Config, key: &Key, item: &Self::Item) -> Value;

    /// Steps that the rules cannot express are done here, and the rest is left.
    fn special(_item: &mut Self::Item, steps: Vec<Step>) -> Result<Vec<Step>, Refusal> {
        Ok(steps)
    }
}

impl Key {
    pub(super) fn now(&self, config: &Config) -> Option<Part> {
        match self {
            Self::Rest(api, key) => config.apis.get(api)?.part(key).map(Part::Rest),
            Self::Shared(key) => config.shared_part(key).map(Part::Shared),
        }
    }

    /// The change that makes the piece `put`.
    pub(super) fn change(self, seen: Seen, put: Option<Part>) -> Op {
        match self {
            Self::Rest(api, key) => {
                let put = match put {
                    Some(Part::Rest(part)) => Some(part),
                    _ => None,
                };
                Op::Rest(api, Box::new(RestChange { key, seen, put }))
            }
            Self::Shared(key) => {
                let put = match put {
                    Some(Part::Shared(part)) => Some(part),
                    _ => None,
                };
                Op::Shared(Box::new(SharedChange { key, seen, put }))
            }
        }
    }
}

impl Part {
    pub(super) fn seen(&self) -> Seen {
        match self {
            Self::Rest(part) => Seen::of(Some(part)),
            Self::Shared(part) => Seen::of(Some(part)),
        }
    }
}

/// The REST API that the path begins with.
pub(super) fn api<'c>(call: &Call<'c>) -> Result<(&'c Api, &'c RestApi), Refusal> {
    let id = call.argument(0);
    let found = call.config.rest_api(id).map(|(api, rest)| (&**api, rest));
    found.ok_or_else(|| unknown_api(call.config, id))
}

/// What Amazon says of an API that is not there.
pub(super) fn unknown_api(config: &Config, id: &str) -> Refusal {
    let cluster = config.cluster.as_ref();
    let account = cluster.map_or("", |cluster| &cluster.account_id);
    Refusal::Missing(format!("Invalid API identifier specified {account}:{id}"))
}

fn found<K: Kind>(call: &Call<'_>) -> Result<(Key, K::Item, Seen), Refusal> {
    let key = K::key(call)?;
    let part = key.now(call.config).ok_or_else(|| K::missing(call))?;
    let seen = part.seen();
    let item = K::item(part).ok_or_else(|| K::missing(call))?;
    Ok((key, item, seen))
}

/// `GET` of one.
pub(super) fn show<K: Kind>(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (key, item, _) = found::<K>(call)?;
    Answer::ok(&K::shown(call.config, &key, &item))
}

/// `PATCH`.
pub(super) fn update<K: Kind>(call: &Call<'_>) -> Result<Write, Refusal> {
    let (key, item, seen) = found::<K>(call)?;
    update_from::<K>(call, key, item, seen)
}

/// `PATCH` of a piece that looked like `item`.
pub(super) fn update_from<K: Kind>(
    call: &Call<'_>,
    key: Key,
    mut item: K::Item,
    seen: Seen,
) -> Result<Write, Refusal> {
    let steps = K::special(&mut item, patch::steps(call)?)?;
    let view = patch::apply(K::view(&item), K::RULES, &steps)?;
    let Value::Object(fields) = view else {
        return Err(Refusal::Internal("a view is no object".to_owned()));
    };
    let at = format!("{}.", super::input_name(call.operation));
    let new = K::read(call, &Document::of(&at, fields), Some(&item))?;
    Ok(writing::<K>(key, seen, new, K::UPDATED))
}

/// `POST` to a list: the piece gets the id that it was read with.
pub(super) fn create<K: Kind>(
    call: &Call<'_>,
    key: impl FnOnce(&K::Item) -> Key,
) -> Result<Write, Refusal> {
    let item = K::read(call, &input(call), None)?;
    let key = key(&item);
    Ok(writing::<K>(key, Seen::Nothing, item, StatusCode::CREATED))
}

/// `PUT`.
pub(super) fn put<K: Kind>(call: &Call<'_>) -> Result<Write, Refusal> {
    let key = K::key(call)?;
    let item = K::read(call, &input(call), None)?;
    Ok(writing::<K>(key, K::PUT, item, StatusCode::CREATED))
}

/// `DELETE`.
pub(super) fn delete<K: Kind>(call: &Call<'_>) -> Result<Write, Refusal> {
    let (key, ..) = found::<K>(call)?;
    let op = key.change(Seen::Anything, None);
    Ok(Write::showing(op, |_| Ok(Answer::empty(K::DELETED))))
}

/// Puts a piece and shows it.
pub(super) fn writing<K: Kind>(key: Key, seen: Seen, item: K::Item, status: StatusCode) -> Write {
    let op = key.clone().change(seen, Some(K::part(item)));
    Write::showing(op, move |config| rendered::<K>(config, &key, status))
}

pub(super) fn rendered<K: Kind>(
    config: &Config,
    key: &Key,
    status: StatusCode,
) -> Result<Answer, Refusal> {
    // Somebody may have removed it since; the write itself has taken effect.
    let item = key.now(config).and_then(K::item);
    let item = item.ok_or_else(|| Refusal::Conflict(CONCURRENT.to_owned()))?;
    Answer::json(status, &K::shown(config, key, &item))
}

const CONCURRENT: &str =
    "Unable to complete operation due to concurrent modification. Please try again later.";

const PAGES: Names = Names {
    token: "position",
    count: "limit",
};

/// `GET` of a list: the page that the call asks for.
pub(super) fn list<N: AsRef<str>>(
    call: &Call<'_>,
    items: impl Iterator<Item = (N, Value)>,
) -> Result<Answer, Refusal> {
    let (items, position) = page::cut(call, &PAGES, items)?;
    let view = super::view::View::default().put("item", items);
    Answer::ok(&view.maybe("position", position).done())
}
