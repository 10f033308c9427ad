//! The fuzz target of settings as bounded property tests: any text, and good files with changes.

use proptest::prelude::*;

use super::settings;

const FILES: [&str; 3] = [
    "data_dir = \"/var/lib/edgeway\"\nworkers = 2\nlog = \"info\"\ndrain_s = 2\n[link]\n\
     bind = \"127.0.0.1:4433\"\n[pop]\nhttp = [\"127.0.0.1:80\"]\npublic = [\"192.0.2.1\"]\n\
     location = { latitude = 48.9, longitude = 2.4 }\n",
    "data_dir = \"/d\"\n[link]\nbind = \"0.0.0.0:7000\"\nadvertise = \"192.0.2.1:7000\"\n[region]\n\
     http = [\"127.0.0.1:80\"]\nmanagement = \"127.0.0.1:7001\"\nraft = \"wide\"\n",
    "data_dir = \"/d\"\n[link]\nbind = \"127.0.0.1:7000\"\n[dns]\nbind = [\"127.0.0.1:53\"]\n\
     rate_s = 20\nrate_exempt = [\"10.0.0.0/8\"]\n",
];

#[test]
fn the_good_files_are_good() {
    for file in FILES {
        let read = crate::Settings::read(std::path::Path::new("file"), file);
        assert!(read.is_ok(), "{read:?}");
        settings(file);
    }
}

proptest! {
    #[test]
    fn any_text_is_settings_or_an_error(text in "\\PC{0,200}") {
        settings(&text);
    }

    #[test]
    fn changed_files_are_settings_or_errors(
        which in 0..FILES.len(),
        at in any::<prop::sample::Index>(),
        cut in 0_usize..3,
        put in "[ -~\n]{0,3}",
    ) {
        let mut text = FILES[which].to_owned();
        let at = at.index(text.len());
        let end = (at + cut).min(text.len());
        text.replace_range(at..end, &put);
        settings(&text);
    }
}
