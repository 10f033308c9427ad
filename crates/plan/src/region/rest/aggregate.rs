//! Several backends for one answer: what each call is made from, and which must wait for which.

use std::{collections::BTreeMap, sync::Arc};

use lang::{mapping::Expression, uri_template::UriTemplate, vtl::Template};
use model::rest::{Aggregate, AggregatePart, Merge, OnFailure};

use super::{super::route::Origin, backend::origin_of};

/// Compiled calls.
#[derive(Debug)]
pub struct AggregatePlan {
    /// In the order in which they are merged.
    pub parts: Vec<PartPlan>,
    /// How answers become one.
    pub merge: Merge,
    /// What is made of the one.
    pub template: Option<Template>,
    /// The status of the whole.
    pub status: u16,
    /// Some call needs the client's body.
    pub reads_body: bool,
}

/// One call.
#[derive(Debug)]
pub struct PartPlan {
    /// Its name in the answer.
    pub name: Arc<str>,
    /// The numbers of the parts that must have ended before.
    pub after: Vec<usize>,
    /// Where its backend is.
    pub origin: Arc<Origin>,
    /// Path and query towards it.
    pub uri: UriTemplate,
    /// The method towards it.
    pub method: Box<str>,
    /// Milliseconds until its answer must be there as a whole.
    pub timeout_ms: u32,
    /// Names of the URL, and what they stand for.
    pub path: Vec<(String, Given)>,
    /// Query parameters.
    pub query: Vec<(String, Given)>,
    /// Headers.
    pub headers: Vec<(String, Given)>,
    /// The body.
    pub body: Option<Given>,
    /// What its failure means.
    pub on_failure: OnFailure,
    /// Instead of its answer, a JSON text.
    pub default: Option<Box<str>>,
    /// For how long equal calls share an answer, seconds; 0 for never.
    pub cache_ttl_s: u32,
}

/// Where a value of a call comes from.
#[derive(Debug)]
pub enum Given {
    /// The client's request.
    Request(Expression),
    /// The answer of the part of this number, as if it were the integration's.
    Part(usize, Expression),
    /// The status of the part of this number.
    Status(usize),
}

impl AggregatePlan {
    pub(super) fn compile(
        source: &Aggregate,
        variables: &BTreeMap<String, String>,
        certificate: Option<&str>,
    ) -> Result<Self, String> {
        let names: Vec<&str> = source.parts.iter().map(|part| part.name.as_str()).collect();
        let compile = |one: &AggregatePart| {
            PartPlan::compile(one, &names, (variables, certificate))
                .map_err(|reason| format!("part {:?}: {reason}", one.name))
        };
        let parts: Vec<PartPlan> = source.parts.iter().map(compile).collect::<Result<_, _>>()?;
        if !ends(&parts) {
            return Err("parts wait for each other in a circle".to_owned());
        }
        let template = source.template.as_deref().map(Template::parse).transpose();
        Ok(Self {
            reads_body: parts.iter().any(PartPlan::reads_body),
            parts,
            merge: source.merge,
            template: template.map_err(|error| format!("template: {error}"))?,
            status: source.status,
        })
    }
}

/// Whether every part comes to its turn.
fn ends(parts: &[PartPlan]) -> bool {
    let mut done = vec![false; parts.len()];
    for _ in parts {
        for (index, part) in parts.iter().enumerate() {
            let ready = part.after.iter().all(|one| done.get(*one) == Some(&true));
            if let (true, Some(done)) = (ready, done.get_mut(index)) {
                *done = true;
            }
        }
    }
    done.into_iter().all(|done| done)
}

impl PartPlan {
    fn compile(
        source: &AggregatePart,
        names: &[&str],
        (variables, certificate): (&BTreeMap<String, String>, Option<&str>),
    ) -> Result<Self, String> {
        let uri =
            UriTemplate::compile(&source.uri, variables).map_err(|error| error.to_string())?;
        let given = |map: &BTreeMap<String, String>| -> Result<Vec<(String, Given)>, String> {
            let pairs = map.iter();
            pairs
                .map(|(name, text)| Ok((name.clone(), Given::read(text, names)?)))
                .collect()
        };
        let number = |name: &String| {
            let found = names.iter().position(|known| known == name);
            found.ok_or_else(|| format!("there is no part {name:?}"))
        };
        let mut part = Self {
            name: source.name.as_str().into(),
            after: source.after.iter().map(number).collect::<Result<_, _>>()?,
            origin: origin_of(&uri, certificate, false),
            uri,
            method: source.http_method.as_str().into(),
            timeout_ms: source.timeout_ms,
            path: given(&source.path)?,
            query: given(&source.query)?,
            headers: given(&source.headers)?,
            body: source
                .body
                .as_deref()
                .map(|text| Given::read(text, names))
                .transpose()?,
            on_failure: source.on_failure,
            default: source.default.as_deref().map(Into::into),
            cache_ttl_s: source.cache_ttl_s,
        };
        let named: Vec<usize> = part.given().filter_map(Given::part).collect();
        part.after.extend(named);
        part.after.sort_unstable();
        part.after.dedup();
        Ok(part)
    }

    fn given(&self) -> impl Iterator<Item = &Given> {
        let maps = [&self.path, &self.query, &self.headers];
        let mapped = maps.into_iter().flatten().map(|(_, given)| given);
        mapped.chain(&self.body)
    }

    fn reads_body(&self) -> bool {
        let of_request = |given: &Given| matches!(given, Given::Request(one) if one.reads_body());
        self.given().any(of_request)
    }
}

impl Given {
    /// `parts.NAME.status`, `parts.NAME.body...`, `parts.NAME.header...`, or an expression about
    /// the request.
    fn read(text: &str, names: &[&str]) -> Result<Self, String> {
        let parse = |text: &str| Expression::parse(text).map_err(|error| error.to_string());
        let Some(rest) = text.strip_prefix("parts.") else {
            return parse(text).map(Self::Request);
        };
        let (name, rest) = rest.split_once('.').unwrap_or((rest, ""));
        let number = names.iter().position(|known| *known == name);
        let number = number.ok_or_else(|| format!("there is no part {name:?}"))?;
        if rest == "status" {
            return Ok(Self::Status(number));
        }
        parse(&format!("integration.response.{rest}")).map(|one| Self::Part(number, one))
    }

    const fn part(&self) -> Option<usize> {
        match self {
            Self::Request(_) => None,
            Self::Part(number, _) | Self::Status(number) => Some(*number),
        }
    }
}
