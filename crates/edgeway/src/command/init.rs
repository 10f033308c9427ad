//! `init`: a new cluster. Chooses everything random, writes the first node's identity and the plan
//! that its first start applies; touches nothing that exists.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context as _, bail};
use link::Credentials;
use model::{AccessKey, Cluster, NodeId, NodeRole, Region};

use super::{say, secrets::Secrets};
use crate::{
    cluster::{enroll, membership::now_ms, store},
    node::{Bootstrap, write_bootstrap},
    settings::{Link, LogFormat, Ops, RaftClocks, Region as RegionSection, Settings},
};

/// The name of a cluster that is given none.
const CLUSTER: &str = "edgeway";

/// Options of `init`.
#[derive(clap::Args)]
pub struct Options {
    /// Where the first node keeps its data; must not hold a node yet.
    #[arg(long)]
    data_dir: PathBuf,
    /// The first node's settings, written unless the file exists.
    #[arg(long)]
    config: PathBuf,
    /// The cluster's name: letters, digits and dashes; `edgeway` unless given, or as in the
    /// secrets.
    #[arg(long)]
    cluster: Option<String>,
    /// Use this authority and admin key, made elsewhere (`edgeway secrets`, Terraform), instead of
    /// making new ones. A node that is there already and has the same authority is then left as it
    /// is.
    #[arg(long)]
    secrets: Option<PathBuf>,
    /// The domain that the cluster's DNS nodes will be authoritative for.
    #[arg(long)]
    base_domain: String,
    /// Twelve digits; appear in ARNs.
    #[arg(long, default_value = "000000000000")]
    account_id: String,
    /// The first region.
    #[arg(long)]
    region: String,
    /// Where other nodes reach this one over QUIC.
    #[arg(long)]
    link: SocketAddr,
}

/// What a new cluster is made from.
pub(crate) struct NewCluster<'a> {
    pub(crate) data_dir: &'a Path,
    pub(crate) cluster: &'a str,
    pub(crate) base_domain: &'a str,
    pub(crate) account_id: &'a str,
    pub(crate) region: Region,
    /// Made now unless given.
    pub(crate) secrets: Option<Secrets>,
}

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let secrets = options.secrets.as_deref().map(Secrets::read).transpose()?;
    let of_secrets = secrets.as_ref().map(|secrets| secrets.authority.cluster());
    let cluster = options.cluster.as_deref().or(of_secrets);
    let cluster = cluster.unwrap_or(CLUSTER).to_owned();
    if let Some(secrets) = &secrets
        && secrets.made_here(&options.data_dir)?
    {
        return say(&format!("cluster '{cluster}' is here already"));
    }
    let key = create(&NewCluster {
        data_dir: &options.data_dir,
        cluster: &cluster,
        base_domain: &options.base_domain,
        account_id: &options.account_id,
        region: Region {
            name: options.region.as_str().into(),
            location: None,
        },
        secrets,
    })?;
    if !options.config.exists() {
        let text = first_settings(options).to_toml()?;
        std::fs::write(&options.config, text)
            .with_context(|| options.config.display().to_string())?;
    }
    let admin = options.data_dir.join("admin.json");
    say(&format!(
        "cluster '{}' is ready to start.\n\nadmin key (also in {}):\n  AWS_ACCESS_KEY_ID={}\n  \
         AWS_SECRET_ACCESS_KEY={}\n\nnext: edgeway start --config {}",
        cluster,
        admin.display(),
        key.id,
        key.secret,
        options.config.display(),
    ))
}

/// Makes the cluster's files under `data_dir`; gives the admin key.
pub(crate) fn create(new: &NewCluster<'_>) -> anyhow::Result<AccessKey> {
    check(new)?;
    let identity_dir = new.data_dir.join("identity");
    if identity_dir.join("node.pem").exists() {
        bail!(
            "--data-dir {}: there is a node already",
            new.data_dir.display()
        );
    }
    std::fs::create_dir_all(new.data_dir)
        .with_context(|| format!("--data-dir {}", new.data_dir.display()))?;
    let now = SystemTime::now();
    let made;
    let secrets = match &new.secrets {
        Some(secrets) => secrets,
        None => {
            made = Secrets::make(new.cluster, now)?;
            &made
        }
    };
    let authority = &secrets.authority;
    if authority.cluster() != new.cluster {
        bail!(
            "--cluster {}: the secrets are of cluster {}",
            new.cluster,
            authority.cluster()
        );
    }
    let role = NodeRole::Region(new.region.name.clone());
    let identity = enroll::identity(new.cluster, &role, NodeId(1)).context("--region")?;
    let credentials: Credentials = authority.issue_node(&identity, enroll::NODE_TTL, now)?;
    let key = secrets.key(now_ms());
    let plan = Bootstrap {
        cluster: Cluster {
            name: new.cluster.to_owned(),
            base_domain: new.base_domain.to_owned(),
            account_id: new.account_id.to_owned(),
            authority: model::Authority {
                certificate_der: authority.cert_der().to_vec(),
                key_der: authority.key_der(),
            },
            created_ms: now_ms(),
            format: model::codec::Level::NEWEST,
        },
        region: new.region.clone(),
        key: key.clone(),
    };
    write_bootstrap(new.data_dir, &plan)?;
    let admin = serde_json::json!({
        "access_key_id": key.id.as_str(), "secret_access_key": key.secret,
    });
    let admin = serde_json::to_vec_pretty(&admin)?;
    store::write_atomically(&new.data_dir.join("admin.json"), &admin)?;
    // The identity goes last: its presence says that the rest is complete.
    credentials.store(&identity_dir)?;
    Ok(key)
}

fn check(new: &NewCluster<'_>) -> anyhow::Result<()> {
    let label = |text: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=63).contains(&text.len())
            && text.bytes().all(inner)
            && !text.starts_with('-')
            && !text.ends_with('-')
    };
    if !label(new.cluster) {
        bail!(
            "--cluster {:?}: lower-case letters, digits and dashes, at most 63",
            new.cluster
        );
    }
    if !label(new.region.name.as_str()) {
        bail!(
            "--region {}: lower-case letters, digits and dashes, at most 63",
            new.region.name
        );
    }
    if new.base_domain.len() > 200 || !new.base_domain.split('.').all(label) {
        bail!(
            "--base-domain {:?}: a domain name in lower case, no final dot",
            new.base_domain
        );
    }
    if new.account_id.len() != 12 || !new.account_id.bytes().all(|byte| byte.is_ascii_digit()) {
        bail!("--account-id {:?}: twelve digits", new.account_id);
    }
    Ok(())
}

fn first_settings(options: &Options) -> Settings {
    let ip = options.link.ip();
    Settings {
        data_dir: options.data_dir.clone(),
        workers: 0,
        log: "info,openraft=warn".to_owned(),
        log_format: LogFormat::Json,
        drain_s: 10,
        leave_s: 0,
        view_bytes_max: crate::settings::default_view_bytes_max(),
        link: Link {
            bind: options.link,
            advertise: None,
            fallback: true,
        },
        ops: Ops::default(),
        join: None,
        private: Vec::new(),
        region: Some(RegionSection {
            proxy_protocol: None,
            http: vec![SocketAddr::new(ip, 80)],
            https: vec![SocketAddr::new(ip, 443)],
            h3: true,
            alt_svc_max_age_s: 24 * 60 * 60,
            management: SocketAddr::from(([127, 0, 0, 1], 7001)),
            management_http_anywhere: false,
            management_https: None,
            management_certificate_file: None,
            management_key_file: None,
            management_url: None,
            public: vec![ip],
            location: None,
            geo_database: None,
            backend_ca_file: None,
            raft: RaftClocks::Wide,
            latency_epoch_s: 60,
            throttle: Default::default(),
            tls: crate::settings::Tls::default(),
            limits: crate::settings::ClientLimits::default(),
        }),
        pop: None,
        aws: None,
        dns: None,
        connector: None,
    }
}
