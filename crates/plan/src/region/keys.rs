//! Keys that clients of REST APIs send, by what is sent, and what each may use.
//!
//! What a plan's limits amount to is the region's business; here is only who falls under which.

use std::{collections::BTreeMap, collections::HashMap, sync::Arc};

use model::{
    ApiKeyId, Config, Table, UsagePlanId,
    rest::{ApiKey, PlanStage, UsagePlan},
};

/// All keys.
#[derive(Debug, Default)]
pub struct KeysPlan {
    keys: Table<ApiKeyId, Arc<ApiKey>>,
    usage_plans: BTreeMap<UsagePlanId, Arc<UsagePlan>>,
    by_value: HashMap<Box<str>, KeyPlan>,
}

/// A key with the plans it is in.
#[derive(Debug)]
pub struct KeyPlan {
    key: Arc<ApiKey>,
    plans: Vec<Arc<Covered>>,
}

/// A usage plan with the stages it covers, by API and name.
#[derive(Debug)]
struct Covered {
    plan: Arc<UsagePlan>,
    stages: HashMap<Box<str>, HashMap<Box<str>, usize>>,
}

impl KeysPlan {
    /// The keys of a configuration; `known` itself where nothing of them has changed.
    pub(super) fn compile(known: &Arc<Self>, config: &Config) -> Arc<Self> {
        if known.keys.is_copy_of(&config.api_keys) && same(&known.usage_plans, &config.usage_plans)
        {
            return Arc::clone(known);
        }
        let mut plans_of: HashMap<&ApiKeyId, Vec<Arc<Covered>>> = HashMap::new();
        for plan in config.usage_plans.values() {
            let covered = Arc::new(Covered::of(plan));
            for key in &plan.keys {
                plans_of.entry(key).or_default().push(Arc::clone(&covered));
            }
        }
        let keys = config.api_keys.values().map(|key| {
            let plan = KeyPlan {
                key: Arc::clone(key),
                plans: plans_of.remove(&key.id).unwrap_or_default(),
            };
            (key.value.as_str().into(), plan)
        });
        Arc::new(Self {
            by_value: keys.collect(),
            keys: config.api_keys.clone(),
            usage_plans: config.usage_plans.clone(),
        })
    }

    /// The key that a client means by `value`.
    #[must_use]
    pub fn find(&self, value: &str) -> Option<&KeyPlan> {
        self.by_value.get(value)
    }
}

impl KeyPlan {
    /// The key.
    #[must_use]
    pub const fn key(&self) -> &Arc<ApiKey> {
        &self.key
    }

    /// The plan that lets it use a stage. There is at most one: a second is refused.
    #[must_use]
    pub fn grant(&self, api: &str, stage: &str) -> Option<(&Arc<UsagePlan>, &PlanStage)> {
        self.plans.iter().find_map(|covered| {
            let index = *covered.stages.get(api)?.get(stage)?;
            Some((&covered.plan, covered.plan.stages.get(index)?))
        })
    }
}

impl Covered {
    fn of(plan: &Arc<UsagePlan>) -> Self {
        let mut stages: HashMap<Box<str>, HashMap<Box<str>, usize>> = HashMap::new();
        for (index, stage) in plan.stages.iter().enumerate() {
            let of_api = stages.entry(stage.api.as_str().into()).or_default();
            of_api.entry(stage.stage.as_str().into()).or_insert(index);
        }
        Self {
            plan: Arc::clone(plan),
            stages,
        }
    }
}

/// Whether two maps hold the very same objects.
fn same<K: Ord, V>(one: &BTreeMap<K, Arc<V>>, other: &BTreeMap<K, Arc<V>>) -> bool {
    let mut both = one.iter().zip(other);
    one.len() == other.len()
        && both.all(|(one, other)| one.0 == other.0 && Arc::ptr_eq(one.1, other.1))
}

#[cfg(test)]
mod tests;
