//! What a settings file may say, and what its refusals name.

use super::Settings;

const POP: &str = r#"
data_dir = "/var/lib/edgeway"
[link]
bind = "127.0.0.1:4433"
[pop]
http = ["127.0.0.1:80"]
"#;

/// Loads `text` and gives the error's message, or nothing.
fn check(text: &str, expected: &str) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let message =
        Settings::load(file.path()).map_or_else(|error| error.to_string(), |_| String::new());
    if expected.is_empty() {
        assert_eq!(message, "", "{text}");
    } else {
        assert!(message.contains(expected), "{message:?} lacks {expected:?}");
    }
}

#[test]
fn a_minimal_file_is_enough() {
    check(POP, "");
    let strict = POP.replace("[pop]", "fallback = false\n[pop]");
    let strict: Settings = toml::from_str(&strict).unwrap();
    let usual: Settings = toml::from_str(POP).unwrap();
    assert!(!strict.link.fallback && usual.link.fallback);
}

#[test]
fn refusals_name_the_key() {
    check("[link]\nbind = \"127.0.0.1:1\"", "data_dir");
    check(&format!("colour = 1\n{POP}"), "colour");
    check(&POP.replace("http = [", "htpp = ["), "htpp");
    check(&POP.replace("\"127.0.0.1:80\"", "\"somewhere\""), "http");
    check(
        &POP.replace("127.0.0.1:4433", "0.0.0.0:4433"),
        "link.advertise",
    );
    check(&POP.replace("[\"127.0.0.1:80\"]", "[]"), "pop.http");
    check(
        &format!("{POP}[dns]\nbind = [\"127.0.0.1:53\"]"),
        "exactly one",
    );
    let far = format!("{POP}location = {{ latitude = 91.0, longitude = 0.0 }}");
    check(&far, "pop.location.latitude");
    check(
        &POP.replace("[link]", "workers = 100000\n[link]"),
        "workers",
    );
}

#[test]
fn a_node_joins_by_a_token_or_by_what_it_proves() {
    let join = |more: &str| format!("{POP}[join]\n{more}");
    let hash = "0123456789abcdef".repeat(4);
    let proves = |identity: &str| {
        join(&format!(
            "policy = \"pops\"\nca_sha256 = \"{hash}\"\nregions = [\"10.0.0.1:4433\"]\n\
             identity = {identity}\n"
        ))
    };
    check(&join("token_file = \"/t\""), "");
    check(&proves("{ aws = {} }"), "");
    check(&proves("{ gcp = { audience = \"edge\" } }"), "");
    check(&proves("{ azure = { resource = \"api://edge\" } }"), "");
    check(&proves("{ oidc = { token_file = \"/t\" } }"), "");
    check(&proves("{ gcp = {} }"), "audience");
    check(&proves("{ king = {} }"), "king");
    check(
        &proves("{ aws = { endpoint = \"169.254.169.254\" } }"),
        "join.identity.endpoint",
    );
    let good = proves("{ aws = {} }");
    check(&good.replace("policy = \"pops\"", ""), "join.policy");
    check(&good.replace(&hash, "abcd"), "join.ca_sha256");
    check(&good.replace("\"10.0.0.1:4433\"", ""), "join.regions");
    check(&good.replace("10.0.0.1:4433", "10.0.0.1"), "join.regions");
    let both = good.replace("[join]", "[join]\ntoken_file = \"/t\"");
    check(&both, "token_file or identity");
    check(&join("policy = \"pops\""), "join.policy");
    // As settings are written, they are read.
    let read: Settings = toml::from_str(&good).unwrap();
    let written = read.to_toml().unwrap();
    assert_eq!(toml::from_str::<Settings>(&written).unwrap(), read);
    let colons = good.replace(&hash, &["01"; 32].join(":"));
    let read: Settings = toml::from_str(&colons).unwrap();
    assert_eq!(read.join.unwrap().authority().unwrap(), [1; 32]);
}

#[test]
fn plain_management_stays_on_this_machine() {
    let region = |more: &str| {
        let text = "data_dir = \"/var/lib/edgeway\"\n[link]\nbind = \"127.0.0.1:4433\"\n";
        format!("{text}[region]\nhttp = [\"127.0.0.1:80\"]\n{more}\n")
    };
    check(&region("management = \"127.0.0.1:7001\""), "");
    check(&region("management = \"[::1]:7001\""), "");
    let far = "management = \"192.0.2.1:7001\"";
    check(
        &region(far),
        "'region.management': plain HTTP is for loopback",
    );
    check(
        &region(&format!("{far}\nmanagement_http_anywhere = true")),
        "",
    );
    let own = "management = \"127.0.0.1:7001\"\nmanagement_https = \"192.0.2.1:7443\"";
    check(&region(own), "");
    let half = format!("{own}\nmanagement_key_file = \"/etc/key.pem\"");
    check(&region(&half), "give both or neither");
    let both = "management_certificate_file = \"/c.pem\"\nmanagement_key_file = \"/k.pem\"";
    check(&region(&format!("{own}\n{both}")), "");
    let none = format!("management = \"127.0.0.1:7001\"\n{both}");
    check(&region(&none), "region.management_https");
}

#[test]
fn tls_is_chosen_by_amazons_names() {
    let with = |line: &str| format!("{POP}[pop.tls]\n{line}\n");
    check(&with("policy = \"SecurityPolicy_TLS13_1_3_2025_09\""), "");
    check(
        &with("policy = \"TLS_1_1\""),
        "no tls policy is named 'TLS_1_1'",
    );
    check(&with("ticket_key_life_s = 60"), "");
    for beyond in [0, 59, 21_601] {
        let line = format!("ticket_key_life_s = {beyond}");
        check(&with(&line), "pop.tls.ticket_key_life_s");
    }
}

#[test]
fn a_file_that_was_written_reads_the_same() {
    let settings: Settings = toml::from_str(POP).unwrap();
    let text = settings.to_toml().unwrap();
    assert_eq!(toml::from_str::<Settings>(&text).unwrap(), settings);
}

#[test]
fn private_listeners_say_what_is_missing() {
    const REGION: &str = r#"
data_dir = "/var/lib/edgeway"
[link]
bind = "127.0.0.1:4433"
[region]
http = ["127.0.0.1:80"]
management = "127.0.0.1:7001"
"#;
    let with = |lines: &str| format!("{REGION}[[private]]\n{lines}");
    let id = "endpoint_id = \"vpce-0123456789abcdef0\"\n";
    let http = "http = [\"10.0.0.5:80\"]\n";
    let https = "https = [\"10.0.0.5:443\"]\n";
    let wide = "http = [\"0.0.0.0:80\"]\n";
    check(&with(&format!("{id}{http}{https}")), "");
    check(&with(id), "private[0].http");
    check(&with(http), "private[0].endpoint_id");
    check(
        &with(&format!("{}{http}", id.replace("vpce", "vpc"))),
        "is no endpoint",
    );
    check(&with(&format!("{id}{wide}")), "private[0].allowed_cidrs");
    for bound in ["allowed_cidrs = [\"10.0.0.0/8\"]", "interface = \"wg0\""] {
        check(&with(&format!("{id}{wide}{bound}")), "");
    }
    let dns = "dns = [\"0.0.0.0:53\"]\n";
    check(
        &with(&format!("{id}{http}{dns}")),
        "private[0].allowed_cidrs",
    );
    check(
        &with(&format!("{id}{http}interface = \"a/b\"")),
        "private[0].interface",
    );
    check(
        &with(&format!("{id}{http}allowed_cidrs = [\"10.0.0.0/99\"]")),
        "allowed_cidrs",
    );
    check(
        &with(&format!("{id}{http}client_ca_file = \"ca.pem\"")),
        "private[0].client_ca_file",
    );
    check(
        &with(&format!("{id}{http}dns_forward = [\"10.0.0.2:53\"]")),
        "private[0].dns",
    );
    let balanced = "proxy_protocol = { trusted = [], endpoint_ids = [\"vpce-012345678\"] }";
    check(
        &with(&format!("{http}{balanced}")),
        "private[0].proxy_protocol.trusted",
    );
    let balanced = balanced.replace("[]", "[\"10.0.9.0/24\"]");
    check(&with(&format!("{http}{balanced}")), "");
    check(&with(&format!("{wide}{balanced}")), "");
    check(
        &with(&format!("{http}{balanced}\ndns = [\"10.0.0.5:53\"]")),
        "needed for dns",
    );
    let links = "proxy_protocol = { trusted = [\"10.0.9.0/24\"], \
                 azure_links = { x = \"vpce-012345678\" } }";
    check(&with(&format!("{http}{links}")), "azure_links");
    let twice = format!("{id}{http}[[private]]\n{id}{https}");
    check(&with(&twice), "one listener at a node");
    check(
        &format!("{POP}[[private]]\n{id}{http}"),
        "only region nodes",
    );
}

#[test]
fn public_listeners_may_stand_behind_a_balancer() {
    let with = |proxy: &str| format!("{POP}proxy_protocol = {proxy}");
    check(&with("{ trusted = [\"10.0.9.0/24\"] }"), "");
    check(&with("{ trusted = [] }"), "pop.proxy_protocol.trusted");
    let named = "{ trusted = [\"10.0.9.0/24\"], endpoint_ids = [\"vpce-012345678\"] }";
    check(&with(named), "pop.proxy_protocol");
}
