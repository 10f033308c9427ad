//! Deployments: a copy of an API's content that stages serve.
//!
//! A deployment is made again exactly when its `components` change, in place: its id then becomes
//! another one and the stages follow in the same run. Older ones stay for as long as stages or
//! people use them, and go with the last.

use async_trait::async_trait;
use http::Method;
use serde_json::{Value as Json, json};

use super::table::encoded;
use crate::{
    cty::Value,
    framework::{Attribute, Call, Check, Failure, Note, Planning, Resource, Schema},
    session::WaitFor,
};

/// How many former deployments are kept for a way back.
const FORMER_MAX: usize = 5;

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![Box::new(REST), Box::new(TWO)]
}

/// Deployments of one version of the API.
struct Deployment {
    name: &'static str,
    /// The attribute with the API's id.
    api: &'static str,
    base: &'static str,
    /// The field with a deployment's id.
    id: &'static str,
    operations: bool,
}

const REST: Deployment = Deployment {
    name: "edgeway_deployment",
    api: "rest_api_id",
    base: "/restapis",
    id: "id",
    operations: true,
};

const TWO: Deployment = Deployment {
    name: "edgeway_api_deployment",
    api: "api_id",
    base: "/v2/apis",
    id: "deploymentId",
    operations: false,
};

impl Deployment {
    fn list(&self, state: &Value) -> String {
        let api = encoded(state.text(self.api).unwrap_or_default());
        format!("{}/{api}/deployments", self.base)
    }

    fn one(&self, state: &Value) -> String {
        let id = encoded(state.text("id").unwrap_or_default());
        format!("{}/{id}", self.list(state))
    }

    fn state(&self, body: &Json) -> Value {
        let text = |name: &str| body.get(name).and_then(Json::as_str).map(str::to_owned);
        Value::object()
            .with("id", text(self.id))
            .with("description", text("description"))
    }

    /// Makes a deployment of what the API is now.
    async fn deploy(&self, call: &mut Call<'_>, planned: &Value) -> Result<Value, Failure> {
        let mut body = json!({});
        if let Some(description) = planned.text("description") {
            body["description"] = description.into();
        }
        let client = call.session.client()?;
        let written = client
            .send(Method::POST, &self.list(planned), Some(&body))
            .await;
        let written = written.map_err(|error| error.note("deploy the API"))?;
        let state = self.state(&written.body);
        let settled = call.session.settle_at(planned, written.revision).await;
        settled.map_err(|note| Failure::from(note).having(state.clone()))?;
        Ok(state)
    }

    /// Removes former deployments but for the last few and those in use.
    async fn sweep(&self, call: &mut Call<'_>, state: &Value, keep: usize) -> Result<(), Failure> {
        let former = call.private.text("former").unwrap_or_default().to_owned();
        let former: Vec<&str> = former.split(' ').filter(|id| !id.is_empty()).collect();
        let (gone, kept) = former.split_at(former.len().saturating_sub(keep));
        let mut kept: Vec<&str> = kept.to_vec();
        let client = call.session.client()?;
        for id in gone {
            let path = format!("{}/{}", self.list(state), encoded(id));
            if client.remove(&path).await.is_err() {
                // A stage still serves it: it goes another time.
                kept.insert(0, id);
            }
        }
        call.private.set("former", kept.join(" "));
        Ok(())
    }
}

#[async_trait]
impl Resource for Deployment {
    fn name(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "A deployment of an API. List the `revision` of everything that belongs to it in \
             `components`: when one changes, the API is deployed again in the same run, after \
             it and before the stages. What an imported deployment was made of is not known: the \
             first apply after an import deploys again.",
        )
        .with(
            Attribute::text("id", "The deployment's id: another one after each change.").computed(),
        )
        .with(Attribute::text(self.api, "The API.").required().replaces())
        .with(Attribute::text_list(
            "components",
            "What is deployed: the revisions of the API and its parts, or any texts.",
        ))
        .with(Attribute::text("description", "What is in it."))
        .with(
            Attribute::text(
                "wait_for",
                "When a deployment is finished: `leader` or `pops`. The provider's unless given.",
            )
            .check(Check::OneOf(WaitFor::WORDS)),
        )
    }

    async fn plan(&self, _call: &mut Call<'_>, plan: Planning<'_>) -> Result<(), Failure> {
        let same = plan.prior.attribute("components") == plan.planned.attribute("components");
        if plan.prior.is_set() && same {
            plan.planned.set("id", plan.prior.attribute("id").clone());
        }
        Ok(())
    }

    async fn create(
        &self,
        call: &mut Call<'_>,
        planned: &Value,
        _config: &Value,
    ) -> Result<Value, Failure> {
        self.deploy(call, planned).await
    }

    async fn read(&self, call: &mut Call<'_>, state: &Value) -> Result<Option<Value>, Failure> {
        let items = match call.session.client()?.list(&self.list(state)).await {
            Err(error) if error.is_gone() => return Ok(None),
            items => items.map_err(|error| error.note("read the deployment"))?,
        };
        let id = state.text("id");
        let found = items
            .iter()
            .find(|item| item.get(self.id).and_then(Json::as_str) == id);
        Ok(found.map(|found| self.state(found)))
    }

    async fn update(
        &self,
        call: &mut Call<'_>,
        prior: &Value,
        planned: &Value,
        _config: &Value,
    ) -> Result<Value, Failure> {
        if prior.attribute("components") != planned.attribute("components") {
            let state = self.deploy(call, planned).await?;
            let former = call.private.text("former").unwrap_or_default();
            let former = format!("{former} {}", prior.text("id").unwrap_or_default());
            call.private.set("former", former.trim());
            self.sweep(call, planned, FORMER_MAX).await?;
            return Ok(state);
        }
        let description = planned.text("description");
        let body = if self.operations {
            let mut step = json!({ "op": "replace", "path": "/description" });
            if let Some(description) = description {
                step["value"] = description.into();
            }
            json!({ "patchOperations": [step] })
        } else {
            json!({ "description": description.unwrap_or_default() })
        };
        let same = prior.attribute("description") == planned.attribute("description");
        if same {
            return Ok(Value::object().with("id", prior.text("id")));
        }
        let client = call.session.client()?;
        let written = client
            .send(Method::PATCH, &self.one(prior), Some(&body))
            .await;
        let written = written.map_err(|error| error.note("change the deployment"))?;
        Ok(self.state(&written.body))
    }

    async fn delete(&self, call: &mut Call<'_>, state: &Value) -> Result<(), Failure> {
        self.sweep(call, state, 0).await?;
        let removed = call.session.client()?.remove(&self.one(state)).await;
        removed.map_err(|error| error.note("delete the deployment"))?;
        Ok(())
    }

    async fn import(&self, _call: &mut Call<'_>, id: &str) -> Result<Value, Failure> {
        match id.split_once('/') {
            Some((api, id)) if !api.is_empty() && !id.is_empty() => {
                Ok(Value::object().with(self.api, api).with("id", id))
            }
            _ => {
                let detail = format!("{id:?} is not of the form {}.", self.import_form());
                Err(Note::error("That names no object", detail).into())
            }
        }
    }

    fn import_form(&self) -> &'static str {
        "API_ID/DEPLOYMENT_ID"
    }
}
