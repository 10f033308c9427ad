//! The execution log of a stage (docs/aws-behaviour.md, execution logs): what a client's request
//! went through, in the words that the log of a test has, as lines of this node's own log.
//!
//! Off unless the stage's settings say how much a method logs, and then a request pays for a look
//! at a flag. Nothing is held back or read for its sake: a body that streams is not shown.

use model::rest::LogLevel;

use super::{
    Exchange,
    trace::{Trace, Weight},
};
use crate::limits::claims::{self, Place};

/// Where the lines of a request go.
#[derive(Debug)]
pub(crate) struct Live {
    api: String,
    stage: String,
    request_id: String,
    is_canary: bool,
    level: LogLevel,
    /// Headers and bodies too.
    shows_data: bool,
}

/// Begins the log of a request whose method wants one.
pub(crate) fn begin(exchange: &mut Exchange<'_>) {
    if !exchange.stage.logs || exchange.trace.is_some() {
        return;
    }
    if !tracing::enabled!(target: "execution", tracing::Level::INFO) {
        return;
    }
    let Some(matched) = &exchange.matched else {
        return;
    };
    let (api, stage) = (exchange.found.api.id(), exchange.found.stage.name());
    let place = Place {
        api: api.as_str(),
        stage: stage.as_str(),
        path: &matched.method.path,
        verb: matched.method.verb.as_str(),
    };
    let all = &exchange.stage.settings.method_settings;
    let own = claims::find(all, place, 1);
    let mut settings = own.into_iter().chain(all.get("*/*"));
    let Some((level, setting)) = settings.find_map(|one| Some((one.log_level?, one))) else {
        return;
    };
    if level == LogLevel::Off {
        return;
    }
    let live = Live {
        api: api.as_str().to_owned(),
        stage: stage.as_str().to_owned(),
        request_id: exchange.ids.request.clone(),
        is_canary: exchange.is_canary,
        level,
        shows_data: setting.data_trace,
    };
    exchange.trace = Some(Box::new(Trace::Live(live)));
    let id = exchange.ids.request.clone();
    exchange.say(|| format!("Starting execution for request: {id}"));
}

impl Live {
    pub(super) fn wants(&self, weight: Weight) -> bool {
        match weight {
            Weight::Data => self.shows_data && self.level == LogLevel::Info,
            Weight::Step => self.level == LogLevel::Info,
            Weight::Failure => true,
        }
    }

    pub(super) fn say(&self, event: &str) {
        let (api, stage, canary) = (&self.api, &self.stage, self.is_canary);
        let id = &self.request_id;
        tracing::info!(target: "execution", %api, %stage, canary, "({id}) {event}");
    }
}
