//! What the service manager is told, by the protocol of sd_notify(3): that the node serves, that it
//! ends and how long that may take, that it is alive.
//!
//! Without a service manager (`NOTIFY_SOCKET` is not set) nothing is told. Nothing is asked of it,
//! and no socket is taken over from it.

use std::{
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
    sync::Arc,
    time::Duration,
};

/// For a manager that does not read: what is told is lost then, and the node goes on.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// What ending takes beyond `leave_s` and `drain_s`: files, the ledger, links.
const END_MARGIN: Duration = Duration::from_secs(15);

/// The manager of this process, if it has one.
pub(super) struct Service {
    socket: Option<UnixDatagram>,
    /// It ends a process that is silent for longer.
    silence_max: Option<Duration>,
}

impl Service {
    /// As the environment says.
    pub(super) fn of_environment() -> Arc<Self> {
        let variable = |name: &str| std::env::var(name).ok();
        let socket = variable("NOTIFY_SOCKET").and_then(|name| match connect(&name) {
            Ok(socket) => Some(socket),
            Err(error) => {
                tracing::warn!(%error, name, "the service manager cannot be told anything");
                None
            }
        });
        let silence_max = silence_max(
            variable("WATCHDOG_USEC").as_deref(),
            variable("WATCHDOG_PID").as_deref(),
            std::process::id(),
        );
        Arc::new(Self {
            socket,
            silence_max,
        })
    }

    /// The node serves.
    pub(super) fn ready(&self, status: &str) {
        self.say(&format!("READY=1\nSTATUS={status}"));
    }

    /// The node ends: the manager gives it the time that its settings allow, whatever the unit
    /// says.
    pub(super) fn stopping(&self, (leave, drain): (Duration, Duration)) {
        let micros = (leave + drain + END_MARGIN).as_micros();
        self.say(&format!(
            "STOPPING=1\nEXTEND_TIMEOUT_USEC={micros}\nSTATUS=draining"
        ));
    }

    /// Says again and again that the control plane's threads run. Ends at once where nobody asks.
    pub(super) async fn live(self: Arc<Self>) {
        let Some(silence_max) = self.silence_max.filter(|_| self.socket.is_some()) else {
            return;
        };
        let mut beats = tokio::time::interval(silence_max / 3);
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut heard = true;
        loop {
            beats.tick().await;
            match self.tell("WATCHDOG=1") {
                Ok(()) => heard = true,
                // It may listen again; said once is enough until then.
                Err(error) if heard => {
                    tracing::warn!(%error, "the service manager does not listen");
                    heard = false;
                }
                Err(_) => {}
            }
        }
    }

    fn say(&self, words: &str) {
        if let Err(error) = self.tell(words) {
            tracing::warn!(%error, words, "the service manager was not told");
        }
    }

    fn tell(&self, words: &str) -> io::Result<()> {
        match &self.socket {
            Some(socket) => socket.send(words.as_bytes()).map(drop),
            None => Ok(()),
        }
    }
}

/// A path, or after `@` a name in Linux's abstract namespace.
fn connect(name: &str) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    match name.strip_prefix('@') {
        Some(name) => socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?,
        None => socket.connect(name)?,
    }
    socket.set_write_timeout(Some(WRITE_TIMEOUT))?;
    Ok(socket)
}

/// None unless the manager watches this very process.
fn silence_max(micros: Option<&str>, watched: Option<&str>, own: u32) -> Option<Duration> {
    if watched.is_some_and(|watched| watched != own.to_string()) {
        return None;
    }
    let micros: u64 = micros?.parse().ok()?;
    (micros > 0).then(|| Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    //! What is sent, and when nothing is.

    use std::{
        os::{linux::net::SocketAddrExt as _, unix::net},
        time::Duration,
    };

    use super::{Service, connect, silence_max};

    fn told(socket: &net::UnixDatagram) -> String {
        let mut bytes = [0; 256];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    #[test]
    fn tells_by_a_path_and_by_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("edgeway-{}", std::process::id());
        let abstract_addr = net::SocketAddr::from_abstract_name(&name).unwrap();
        let both = [
            (
                net::UnixDatagram::bind(&path).unwrap(),
                path.display().to_string(),
            ),
            (
                net::UnixDatagram::bind_addr(&abstract_addr).unwrap(),
                format!("@{name}"),
            ),
        ];
        for (manager, name) in both {
            let service = Service {
                socket: Some(connect(&name).unwrap()),
                silence_max: None,
            };
            service.ready("pop");
            assert_eq!(told(&manager), "READY=1\nSTATUS=pop");
            service.stopping((Duration::from_secs(60), Duration::from_secs(30)));
            assert_eq!(
                told(&manager),
                "STOPPING=1\nEXTEND_TIMEOUT_USEC=105000000\nSTATUS=draining"
            );
        }
        connect("/no/such/socket").unwrap_err();
    }

    #[test]
    fn only_the_watched_process_says_that_it_lives() {
        let minute = Some(Duration::from_secs(60));
        assert_eq!(silence_max(Some("60000000"), Some("7"), 7), minute);
        assert_eq!(silence_max(Some("60000000"), None, 7), minute);
        assert_eq!(silence_max(Some("60000000"), Some("8"), 7), None);
        assert_eq!(silence_max(Some("0"), None, 7), None);
        assert_eq!(silence_max(Some("soon"), None, 7), None);
        assert_eq!(silence_max(None, None, 7), None);
    }
}
