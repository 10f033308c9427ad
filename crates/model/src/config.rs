//! The ground state that regions replicate: ordered maps of resources.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    AccessKey, AccessKeyId, Api, ApiId, ApiKeyId, Certificate, CertificateId, ClientCertificateId,
    Cluster, DomainId, DomainName, JoinToken, Node, NodeId, Pop, PopName, Prior, PrivateEndpoint,
    PrivateEndpointId, Region, RegionName, Revision, Rollout, RolloutPolicy, RolloutRecord, Table,
    TokenId, UsagePlanId, VpcLinkId, Zone,
    codec::{Level, Since},
    rest,
};

/// Everything that is configured, at one revision. Copies share what did not change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Accepted changes so far.
    pub revision: Revision,
    /// None until the first change has set the cluster up.
    pub cluster: Option<Arc<Cluster>>,
    /// Regions by name.
    pub regions: BTreeMap<RegionName, Arc<Region>>,
    /// POPs by name.
    pub pops: BTreeMap<PopName, Arc<Pop>>,
    /// Nodes by id.
    pub nodes: BTreeMap<NodeId, Arc<Node>>,
    /// Nodes that were told to drain, until they are removed.
    pub leaving: BTreeSet<NodeId>,
    /// The highest node id ever given out.
    pub last_node: NodeId,
    /// Private endpoints by id.
    pub private_endpoints: BTreeMap<PrivateEndpointId, Arc<PrivateEndpoint>>,
    /// Zones by name; the base domain's is always there.
    pub zones: BTreeMap<String, Arc<Zone>>,
    /// Where clients are taken to be.
    pub priors: BTreeMap<IpNet, Arc<Prior>>,
    /// Access keys by id.
    pub access_keys: BTreeMap<AccessKeyId, Arc<AccessKey>>,
    /// Join tokens by id.
    pub join_tokens: BTreeMap<TokenId, Arc<JoinToken>>,
    /// Certificates by id.
    pub certificates: BTreeMap<CertificateId, Arc<Certificate>>,
    /// Certificates by ACME.
    pub acme: Arc<crate::Acme>,
    /// APIs by id.
    pub apis: Table<ApiId, Arc<Api>>,
    /// Custom domains by name.
    pub domains: Table<DomainId, Arc<DomainName>>,
    /// Keys that clients of APIs send, by id.
    pub api_keys: Table<ApiKeyId, Arc<rest::ApiKey>>,
    /// Usage plans by id.
    pub usage_plans: BTreeMap<UsagePlanId, Arc<rest::UsagePlan>>,
    /// Certificates that the gateway shows to backends, by id.
    pub client_certificates: BTreeMap<ClientCertificateId, Arc<rest::ClientCertificate>>,
    /// VPC links of either version, by id.
    pub vpc_links: BTreeMap<VpcLinkId, Arc<rest::VpcLink>>,
    /// Settings of all REST APIs.
    pub account: Arc<rest::Account>,
    /// How changes reach the nodes.
    pub rollout_policy: RolloutPolicy,
    /// New versions of APIs on their way; `apis` holds the new versions.
    pub rollouts: BTreeMap<ApiId, Arc<Rollout>>,
    /// The last rollouts that have ended, oldest first.
    pub rollout_records: VecDeque<RolloutRecord>,
    /// Who changed what, and what it was before.
    pub history: crate::History,
    /// Who may join by what they prove, and who has.
    pub joining: Since<2, Arc<crate::Joining>>,
}

impl Config {
    /// The certificate ARN that clients use, `arn:aws:acm:REGION:ACCOUNT:certificate/ID`.
    #[must_use]
    pub fn certificate_arn(&self, certificate: &Certificate) -> String {
        let account = self
            .cluster
            .as_ref()
            .map_or("", |cluster| &cluster.account_id);
        format!(
            "arn:aws:acm:{}:{account}:certificate/{}",
            certificate.region, certificate.id
        )
    }

    /// Names by certificate of the custom domains that are reached in a way that `reached`
    /// accepts: what handshakes are answered with it for, whatever else it would be good for.
    #[must_use]
    pub fn served_names(
        &self,
        reached: impl Fn(crate::EndpointType) -> bool,
    ) -> BTreeMap<CertificateId, Vec<String>> {
        let mut names: BTreeMap<CertificateId, Vec<String>> = BTreeMap::new();
        for domain in self.domains.values().filter(|one| reached(one.endpoint)) {
            let certificate = self.certificates.get(&domain.certificate);
            if certificate.is_some_and(|certificate| !certificate.own) {
                let served = names.entry(domain.certificate.clone()).or_default();
                served.push(domain.name.to_string());
            }
        }
        let mut own = self.certificates.values().filter(|one| one.own).peekable();
        if own.peek().is_some() {
            let dns = self.name_servers();
            for certificate in own {
                let served = certificate.names.iter().filter(|name| !dns.contains(name));
                let served: Vec<String> = served.cloned().collect();
                if !served.is_empty() {
                    names.insert(certificate.id.clone(), served);
                }
            }
        }
        names
    }

    /// The format at which nodes write records.
    #[must_use]
    pub fn format(&self) -> Level {
        self.cluster
            .as_ref()
            .map_or(Level::OLDEST, |cluster| cluster.format)
    }

    /// The cluster's base domain, empty before the cluster is set up.
    #[must_use]
    pub fn base_domain(&self) -> &str {
        self.cluster
            .as_ref()
            .map_or("", |cluster| &cluster.base_domain)
    }
}
