//! Which nodes a `dev` cluster has, and where each listens. Written once, so that a cluster found
//! in a folder starts again with the same addresses.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{Options, ports::Ports, private::PrivateEntry};
use crate::settings::{
    ClientLimits, Dns, Join, Link, LogFormat, Ops, Place, Pop, RaftClocks, Region, Settings, Tls,
    TransferKey,
};

const FILE: &str = "layout.json";

/// Regions that `dev` can have, with real places.
const REGIONS: [(&str, f64, f64); 8] = [
    ("us-east-1", 38.9, -77.4),
    ("eu-west-1", 53.3, -6.3),
    ("ap-northeast-1", 35.7, 139.7),
    ("us-west-2", 45.8, -119.7),
    ("ap-southeast-2", -33.9, 151.2),
    ("sa-east-1", -23.5, -46.6),
    ("eu-central-1", 50.1, 8.7),
    ("ap-south-1", 19.1, 72.9),
];

/// Cities of the POPs that `dev` can have.
const POPS: [(f64, f64); 8] = [
    (40.7, -74.0),
    (48.9, 2.4),
    (35.7, 139.7),
    (-33.9, 151.2),
    (37.8, -122.4),
    (1.35, 103.8),
    (-23.5, -46.6),
    (51.5, -0.1),
];

/// The nodes of a `dev` cluster.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Layout {
    pub(super) base_domain: String,
    pub(super) backend: SocketAddr,
    /// Lets its holder copy zones; base64.
    #[serde(default = "random_secret")]
    transfer_secret: String,
    pub(super) members: Vec<Member>,
}

/// One node.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) role: MemberRole,
    pub(super) place: Place,
    pub(super) link: SocketAddr,
    pub(super) ops: SocketAddr,
    /// HTTP, or DNS.
    pub(super) first: SocketAddr,
    /// HTTPS, or DNS over TLS and QUIC.
    pub(super) second: SocketAddr,
    /// DNS over HTTPS.
    #[serde(default)]
    pub(super) third: Option<SocketAddr>,
    /// What DNS answers: an address of the loopback range of its own.
    pub(super) public: Ipv4Addr,
    /// A region's way in for private networks.
    #[serde(default)]
    pub(super) private: Option<PrivateEntry>,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum MemberRole {
    Region {
        management: SocketAddr,
        /// Absent from layouts of clusters that were made before there was TLS.
        #[serde(default)]
        management_https: Option<SocketAddr>,
    },
    Pop,
    Dns,
}

impl Layout {
    pub(super) fn load_or_plan(options: &Options) -> anyhow::Result<Self> {
        let file = options.data_dir.join(FILE);
        if let Ok(bytes) = std::fs::read(&file) {
            return serde_json::from_slice(&bytes).with_context(|| file.display().to_string());
        }
        let layout = Self::plan(options)?;
        std::fs::write(&file, serde_json::to_vec_pretty(&layout)?)
            .with_context(|| file.display().to_string())?;
        Ok(layout)
    }

    fn plan(options: &Options) -> anyhow::Result<Self> {
        let mut ports = Ports::new(options.port_base);
        let mut members = Vec::new();
        for (at, (name, latitude, longitude)) in REGIONS
            .into_iter()
            .take(usize::from(options.regions))
            .enumerate()
        {
            let role = MemberRole::Region {
                management: ports.next()?,
                management_https: None,
            };
            let place = Place {
                latitude,
                longitude,
            };
            members.push(Member::plan(
                name.to_owned(),
                role,
                place,
                (2, at),
                &mut ports,
            )?);
        }
        for (at, (latitude, longitude)) in
            POPS.into_iter().take(usize::from(options.pops)).enumerate()
        {
            let (name, place) = (
                format!("pop-{}", at + 1),
                Place {
                    latitude,
                    longitude,
                },
            );
            members.push(Member::plan(
                name,
                MemberRole::Pop,
                place,
                (1, at),
                &mut ports,
            )?);
        }
        let place = Place {
            latitude: 0.0,
            longitude: 0.0,
        };
        members.push(Member::plan(
            "dns-1".to_owned(),
            MemberRole::Dns,
            place,
            (3, 0),
            &mut ports,
        )?);
        let backend = ports.next()?;
        for member in &mut members {
            if let MemberRole::Region {
                management_https, ..
            } = &mut member.role
            {
                *management_https = Some(ports.next()?);
            }
        }
        plan_private(&mut members, &mut ports)?;
        Ok(Self {
            base_domain: options.base_domain.clone(),
            backend,
            members,
            transfer_secret: random_secret(),
        })
    }

    pub(super) fn regions(&self) -> impl Iterator<Item = &Member> {
        self.members
            .iter()
            .filter(|member| matches!(member.role, MemberRole::Region { .. }))
    }

    pub(super) fn pops(&self) -> impl Iterator<Item = &Member> {
        self.members
            .iter()
            .filter(|member| member.role == MemberRole::Pop)
    }

    pub(super) fn dns(&self) -> Option<&Member> {
        self.members
            .iter()
            .find(|member| member.role == MemberRole::Dns)
    }

    /// The region that the cluster begins with; plans always have one.
    pub(super) fn first(&self) -> &Member {
        &self.members[0]
    }

    /// The key with which zones can be copied.
    pub(super) fn transfer_key(&self) -> TransferKey {
        TransferKey {
            name: "dev".to_owned(),
            algorithm: "hmac-sha256".to_owned(),
            secret: self.transfer_secret.clone(),
            zones: Vec::new(),
        }
    }

    /// Writes each node's settings file, as an operator would.
    pub(super) fn write_settings(&self, options: &Options) -> anyhow::Result<()> {
        for member in &self.members {
            let folder = options.data_dir.join(&member.name);
            std::fs::create_dir_all(&folder)?;
            let mut settings = member.settings(&folder, options);
            if let Some(dns) = &mut settings.dns {
                dns.transfer_keys = vec![self.transfer_key()];
            }
            std::fs::write(folder.join("edgeway.toml"), settings.to_toml()?)?;
        }
        Ok(())
    }
}

impl Member {
    fn plan(
        name: String,
        role: MemberRole,
        place: Place,
        (net, at): (u8, usize),
        ports: &mut Ports,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            name,
            role,
            place,
            link: ports.next()?,
            ops: ports.next()?,
            first: ports.next()?,
            second: ports.next()?,
            third: match role {
                MemberRole::Dns => Some(ports.next()?),
                MemberRole::Region { .. } | MemberRole::Pop => None,
            },
            public: Ipv4Addr::new(127, 0, net, u8::try_from(at + 1)?),
            private: None,
        })
    }

    pub(super) fn management_https_url(&self) -> Option<String> {
        match self.role {
            MemberRole::Region {
                management_https, ..
            } => management_https.map(|addr| format!("https://{addr}")),
            MemberRole::Pop | MemberRole::Dns => None,
        }
    }

    pub(super) fn management_url(&self) -> String {
        match self.role {
            MemberRole::Region { management, .. } => format!("http://{management}"),
            MemberRole::Pop | MemberRole::Dns => String::new(),
        }
    }

    fn settings(&self, folder: &Path, options: &Options) -> Settings {
        let both = |addr: SocketAddr| self.both(addr);
        let public = vec![IpAddr::V4(self.public)];
        let token_file = folder.join("join.token");
        let mut settings = Settings {
            data_dir: folder.to_owned(),
            workers: options.workers,
            log: options.log.clone(),
            log_format: LogFormat::Json,
            drain_s: 5,
            leave_s: 0,
            view_bytes_max: crate::settings::default_view_bytes_max(),
            link: Link {
                bind: self.link,
                advertise: None,
                fallback: true,
            },
            ops: Ops { bind: self.ops },
            join: Some(Join::by_token(token_file)),
            region: None,
            pop: None,
            private: self.private.iter().map(PrivateEntry::listener).collect(),
            aws: None,
            dns: None,
            connector: None,
        };
        match self.role {
            MemberRole::Region {
                management,
                management_https,
            } => {
                settings.region = Some(self.region(management, management_https));
            }
            MemberRole::Pop => {
                settings.pop = Some(Pop {
                    http: both(self.first),
                    https: both(self.second),
                    proxy_protocol: None,
                    h3: true,
                    alt_svc_max_age_s: 24 * 60 * 60,
                    tls: Tls::default(),
                    public,
                    location: Some(self.place),
                    cache_bytes: 256 << 20,
                    compress: true,
                    debug_headers: true,
                    load_cap: crate::settings::LoadCap::default(),
                    relay: crate::settings::Relay::default(),
                    limits: ClientLimits::default(),
                });
            }
            MemberRole::Dns => {
                settings.dns = Some(Dns {
                    bind: both(self.first),
                    tls: both(self.second),
                    quic: true,
                    https: self.third.map(both).unwrap_or_default(),
                    public,
                    geo_database: None,
                    alpn: vec!["h3".to_owned(), "h2".to_owned()],
                    nsid: None,
                    rate_s: 200,
                    rate_exempt: None,
                    cookie_secret: None,
                    transfer_keys: Vec::new(),
                });
            }
        }
        settings
    }
}

impl Member {
    /// Clients find a node at 127.0.0.1 and at the address that DNS answers for it.
    fn both(&self, addr: SocketAddr) -> Vec<SocketAddr> {
        vec![addr, SocketAddr::new(IpAddr::V4(self.public), addr.port())]
    }

    fn region(&self, management: SocketAddr, management_https: Option<SocketAddr>) -> Region {
        Region {
            http: self.both(self.first),
            https: self.both(self.second),
            proxy_protocol: None,
            h3: true,
            alt_svc_max_age_s: 24 * 60 * 60,
            tls: Tls::default(),
            management,
            management_http_anywhere: false,
            management_https,
            management_certificate_file: None,
            management_key_file: None,
            management_url: None,
            public: vec![IpAddr::V4(self.public)],
            location: Some(self.place),
            geo_database: None,
            backend_ca_file: None,
            raft: RaftClocks::Local,
            latency_epoch_s: 2,
            throttle: Default::default(),
            limits: ClientLimits::default(),
        }
    }
}

/// Behind all else, so that `--port-base` means the same as before there were any.
fn plan_private(members: &mut [Member], ports: &mut Ports) -> anyhow::Result<()> {
    for member in members {
        if matches!(member.role, MemberRole::Region { .. }) {
            member.private = Some(PrivateEntry::plan(ports)?);
        }
    }
    Ok(())
}

fn random_secret() -> String {
    STANDARD.encode(rand::random::<[u8; 32]>())
}
