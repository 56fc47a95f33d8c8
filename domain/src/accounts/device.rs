//! Families of programs that people sign in by: the browser and the system, without versions, so that an update is not
//! taken for another device.

/// Browsers by what their user agents hold; who comes later in a user agent's history comes first here.
const BROWSERS: [(&str, &str); 13] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("YaBrowser", "Yandex Browser"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Vivaldi", "Vivaldi"),
    ("FxiOS", "Firefox"),
    ("Firefox", "Firefox"),
    ("CriOS", "Chrome"),
    ("HeadlessChrome", "Chrome"),
    ("Chromium", "Chromium"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
    ("Trident", "Internet Explorer"),
];

const SYSTEMS: [(&str, &str); 9] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
    ("X11", "Unix"),
];

/// The family of a program that named itself so: `Firefox on Linux`, or the product that its user agent begins with.
pub fn family(device: &str) -> String {
    let named =
        |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| device.contains(mark)).map(|(_, name)| *name);
    let product = || device.split(['/', ' ']).next().filter(|product| !product.is_empty()).unwrap_or("unknown");
    match (named(&BROWSERS), named(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => format!("{} on {system}", product()),
        (None, None) => product().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_no_version() {
        let chrome = |version| {
            format!(
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version} Safari/537.36"
            )
        };
        assert_eq!(family(&chrome("126.0.0.0")), "Chrome on Windows");
        assert_eq!(family(&chrome("127.0.0.0")), family(&chrome("126.0.0.0")));
        assert_eq!(family(&format!("{} Edg/126.0", chrome("126.0"))), "Edge on Windows");
        assert_eq!(
            family("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
            "Firefox on Linux"
        );
        let phone =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Safari/604.1";
        assert_eq!(family(phone), "Safari on iPhone");
        assert_eq!(family("curl/8.9.1"), "curl");
        assert_eq!(family("okhttp/4.12"), family("okhttp/5.0"));
        assert_eq!(family("Dalvik/2.1.0 (Linux; U; Android 14)"), "Dalvik on Android");
        assert_eq!(family(""), "unknown");
    }
}
