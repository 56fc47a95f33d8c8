use super::*;
use crate::exit::code_of;
use crate::settings::{Settings, duration};
use ::fuzz::Verdict;

const FILES: [&str; 3] = [
    "listen = '127.0.0.1:0'\ndata = \"/srv/letopis\"\nsession_idle = \"12h\" # half a day\nsession_max = '7d'\n",
    "allowed_origins = ['https://a.example', \"http://[::1]:3000\"]\ntrusted_proxies = ['::1', '10.0.0.1']\n",
    "log = '''info,api=debug'''\nlog_format = 'json'\npublic_url = 'https://a.example/'\nrate_limits = 'off'\n",
];

/// Over the defaults, the file.
fn settings(file: &str) -> Result<(Layers, Settings)> {
    let mut layers = Layers::load(Some(Path::new("/dev/null")), std::iter::empty::<(String, String)>(), &[])?;
    layers.lay_toml(file, Path::new("letopis.toml"))?;
    let settings = Settings::read(&layers)?;
    Ok((layers, settings))
}

#[test]
fn a_file_of_settings_is_taken_whole_or_refused_with_advice() {
    ::fuzz::text(&FILES, |file| {
        let read = settings(file);
        match &read {
            Ok((layers, taken)) => {
                let table = layers.values.iter().map(|(key, set)| ((*key).to_owned(), set.text.clone().into()));
                let written = toml::to_string(&table.collect::<toml::Table>()).unwrap();
                let (_, again) = settings(&written).unwrap();
                assert_eq!(format!("{again:?}"), format!("{taken:?}"), "written down it says something else");
                assert!(!taken.session_idle.is_zero() && taken.session_idle <= taken.session_max);
                assert!(!taken.listen.is_empty() && !taken.log.is_empty());
            }
            Err(error) => assert!(code_of(error) == Code::Usage && !error.to_string().is_empty(), "{error}"),
        }
        Verdict::from(&read)
    });
}

#[test]
fn a_duration_is_digits_and_a_unit() {
    ::fuzz::text(&["7d", "12h", "90s", "15m", "2w", "0s"], |text| {
        let read = duration(text);
        if let Some(read) = read {
            let seconds = format!("{}s", read.as_secs());
            assert_eq!(duration(&seconds), Some(read));
            assert!(text.is_ascii() && text.len() > 1 && read.subsec_nanos() == 0);
        }
        Verdict::from(&read)
    });
}
