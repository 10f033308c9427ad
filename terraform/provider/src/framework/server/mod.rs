//! The provider's side of the protocol: finds who is asked, unpacks, calls, packs.
//!
//! Every method answers: what goes wrong becomes a diagnostic. Nothing is remembered between
//! calls but the session, which `ConfigureProvider` makes; each of the other methods works in a
//! process that was never asked for its schema.

mod data;
mod ephemeral;
mod resources;
mod states;

use std::sync::{Arc, PoisonError, RwLock};

use tonic::{Request, Response, Status};

use super::{
    check, interrupt,
    note::{Note, to_wire},
    registry::Registry,
    schema::Schema,
    unpack, wire,
};
use crate::{
    cty::{Type, Value},
    pb::{self, provider_server::Provider as Service},
    session::{self, Session},
};

/// The provider as Terraform sees it.
pub(crate) struct Provider {
    registry: Registry,
    config: Schema,
    config_type: Type,
    session: RwLock<Arc<Session>>,
}

type Answered<T> = Result<Response<T>, Status>;

const CAN: pb::ProviderCan = pb::ProviderCan {
    plan_destroy: false,
    schema_optional: true,
    move_state: true,
};

fn unknown(what: &str, name: &str) -> Note {
    let detail = format!("This version of the provider has no {what} {name:?}.");
    Note::error("Unknown name", detail)
}

impl Provider {
    pub(crate) fn new(registry: Registry) -> Self {
        let config = session::schema();
        Self {
            registry,
            config_type: config.ty(),
            config,
            session: RwLock::new(Arc::new(Session::unconfigured())),
        }
    }

    /// The session of now; later configurations do not change it.
    fn session(&self) -> Arc<Session> {
        let session = self.session.read();
        Arc::clone(&session.unwrap_or_else(PoisonError::into_inner))
    }

    async fn configured(&self, asked: &pb::Configure) -> Result<Vec<Note>, Note> {
        let config = unpack::value(asked.config.as_ref(), &self.config_type)?;
        let mut notes = Vec::new();
        let session = session::configure(&config, &mut notes).await?;
        let mut current = self.session.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(session);
        Ok(notes)
    }
}

/// The notes of something that may have failed as a whole.
fn flat(result: Result<Vec<Note>, Note>) -> Vec<pb::Note> {
    to_wire(&result.unwrap_or_else(|note| vec![note]))
}

fn names<'n>(names: impl Iterator<Item = &'n &'static str>) -> Vec<pb::Named> {
    let name = |name: &&str| pb::Named {
        name: (*name).to_owned(),
    };
    names.map(name).collect()
}

/// Checks a configuration by its schema, then by what the kind itself has to say.
fn checked(
    packed: Option<&pb::Packed>,
    (schema, ty): (&Schema, &Type),
    write_only: bool,
    more: impl FnOnce(&Value) -> Vec<Note>,
) -> Result<Vec<Note>, Note> {
    let config = unpack::value(packed, ty)?;
    let mut notes = check::config(schema, &config, write_only);
    if !notes.iter().any(Note::is_error) {
        notes.extend(more(&config));
    }
    Ok(notes)
}

#[tonic::async_trait]
impl Service for Provider {
    async fn get_metadata(&self, _: Request<pb::Nothing>) -> Answered<pb::MetadataAnswer> {
        Ok(Response::new(pb::MetadataAnswer {
            can: Some(CAN),
            notes: Vec::new(),
            data_sources: names(self.registry.data_sources.keys()),
            resources: names(self.registry.resources.keys()),
            functions: names(self.registry.functions.keys()),
            ephemerals: names(self.registry.ephemerals.keys()),
        }))
    }

    async fn get_provider_schema(&self, _: Request<pb::Nothing>) -> Answered<pb::SchemaAnswer> {
        let named = |(name, schema): (&&str, &Schema)| ((*name).to_owned(), wire::schema(schema));
        let resources = self.registry.resources.iter();
        let data_sources = self.registry.data_sources.iter();
        let ephemerals = self.registry.ephemerals.iter();
        Ok(Response::new(pb::SchemaAnswer {
            provider: Some(wire::schema(&self.config)),
            resources: resources
                .map(|(name, it)| named((name, &it.schema)))
                .collect(),
            data_sources: data_sources
                .map(|(name, it)| named((name, &it.schema)))
                .collect(),
            notes: Vec::new(),
            can: Some(CAN),
            functions: self.functions(),
            ephemerals: ephemerals
                .map(|(name, it)| named((name, &it.schema)))
                .collect(),
        }))
    }

    async fn validate_provider_config(
        &self,
        request: Request<pb::ValidateProvider>,
    ) -> Answered<pb::ValidateProviderAnswer> {
        let packed = request.get_ref().config.as_ref();
        let schema = (&self.config, &self.config_type);
        let notes = flat(checked(packed, schema, true, session::validate));
        Ok(Response::new(pb::ValidateProviderAnswer { notes }))
    }

    async fn validate_resource_config(
        &self,
        request: Request<pb::Validate>,
    ) -> Answered<pb::Notes> {
        let asked = request.get_ref();
        let write_only = asked.can.is_some_and(|can| can.write_only);
        let notes = match self.registry.resources.get(asked.name.as_str()) {
            None => Err(unknown("resource", &asked.name)),
            Some(entry) => checked(
                asked.config.as_ref(),
                (&entry.schema, &entry.ty),
                write_only,
                |config| entry.it.validate(config),
            ),
        };
        Ok(Response::new(pb::Notes { notes: flat(notes) }))
    }

    async fn validate_data_resource_config(
        &self,
        request: Request<pb::Validate>,
    ) -> Answered<pb::Notes> {
        let asked = request.get_ref();
        let notes = match self.registry.data_sources.get(asked.name.as_str()) {
            None => Err(unknown("data source", &asked.name)),
            Some(entry) => checked(
                asked.config.as_ref(),
                (&entry.schema, &entry.ty),
                true,
                |config| entry.it.validate(config),
            ),
        };
        Ok(Response::new(pb::Notes { notes: flat(notes) }))
    }

    async fn validate_ephemeral_resource_config(
        &self,
        request: Request<pb::Validate>,
    ) -> Answered<pb::Notes> {
        let asked = request.get_ref();
        let notes = match self.registry.ephemerals.get(asked.name.as_str()) {
            None => Err(unknown("ephemeral resource", &asked.name)),
            Some(entry) => checked(
                asked.config.as_ref(),
                (&entry.schema, &entry.ty),
                true,
                |_| Vec::new(),
            ),
        };
        Ok(Response::new(pb::Notes { notes: flat(notes) }))
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<pb::Upgrade>,
    ) -> Answered<pb::UpgradeAnswer> {
        Ok(Response::new(self.upgrade(request.get_ref())))
    }

    async fn configure_provider(&self, request: Request<pb::Configure>) -> Answered<pb::Notes> {
        interrupt::begin();
        let notes = flat(self.configured(request.get_ref()).await);
        Ok(Response::new(pb::Notes { notes }))
    }

    async fn read_resource(&self, request: Request<pb::Read>) -> Answered<pb::ReadAnswer> {
        Ok(Response::new(self.read(request.get_ref()).await))
    }

    async fn plan_resource_change(&self, request: Request<pb::Plan>) -> Answered<pb::PlanAnswer> {
        Ok(Response::new(self.plan(request.get_ref()).await))
    }

    async fn apply_resource_change(
        &self,
        request: Request<pb::Apply>,
    ) -> Answered<pb::ApplyAnswer> {
        Ok(Response::new(self.apply(request.get_ref()).await))
    }

    async fn import_resource_state(
        &self,
        request: Request<pb::Import>,
    ) -> Answered<pb::ImportAnswer> {
        Ok(Response::new(self.import(request.get_ref()).await))
    }

    async fn move_resource_state(&self, request: Request<pb::Move>) -> Answered<pb::MoveAnswer> {
        Ok(Response::new(self.moved(request.get_ref())))
    }

    async fn read_data_source(
        &self,
        request: Request<pb::ReadData>,
    ) -> Answered<pb::ReadDataAnswer> {
        Ok(Response::new(self.read_data(request.get_ref()).await))
    }

    async fn open_ephemeral_resource(
        &self,
        request: Request<pb::Open>,
    ) -> Answered<pb::OpenAnswer> {
        Ok(Response::new(self.open(request.get_ref()).await))
    }

    async fn renew_ephemeral_resource(
        &self,
        request: Request<pb::Held>,
    ) -> Answered<pb::RenewAnswer> {
        Ok(Response::new(self.renew(request.get_ref()).await))
    }

    async fn close_ephemeral_resource(&self, request: Request<pb::Held>) -> Answered<pb::Notes> {
        Ok(Response::new(self.close(request.get_ref()).await))
    }

    async fn get_functions(&self, _: Request<pb::Nothing>) -> Answered<pb::FunctionsAnswer> {
        Ok(Response::new(pb::FunctionsAnswer {
            functions: self.functions(),
            notes: Vec::new(),
        }))
    }

    async fn call_function(&self, request: Request<pb::Call>) -> Answered<pb::CallAnswer> {
        Ok(Response::new(self.function(request.get_ref())))
    }

    /// What only waits gives up; a change that is under way goes on to its end.
    async fn stop_provider(&self, _: Request<pb::Nothing>) -> Answered<pb::StopAnswer> {
        interrupt::interrupt();
        Ok(Response::new(pb::StopAnswer::default()))
    }
}
