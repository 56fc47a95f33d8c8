//! Origins as browsers write them in `Origin`: lower case, ASCII, no port that the scheme implies.

use url::Url;

/// The origin that a text like `https://Chat.Example.org:443/` names, as a browser writes it; names of any script
/// become ASCII. None when it is anything else: another scheme, a user, a path, a question.
pub fn web_origin(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    let is_bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let is_origin = is_bare && url.fragment().is_none() && url.path().bytes().all(|byte| byte == b'/');
    let is_web = matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.contains('*'));
    (is_origin && is_web).then(|| url.origin().ascii_serialization())
}

/// Whether an origin is that of the host that a request names, whatever port its scheme implies.
pub(crate) fn is_of_host(origin: &[u8], host: &[u8]) -> bool {
    let of = |scheme: &str, port: &str| {
        let named = origin.strip_prefix(scheme.as_bytes())?;
        let host = host.strip_suffix(port.as_bytes()).unwrap_or(host);
        Some(!named.is_empty() && named.eq_ignore_ascii_case(host))
    };
    of("https://", ":443").or_else(|| of("http://", ":80")).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_do() {
        let cases = [
            ("https://Chat.Example.org", "https://chat.example.org"),
            ("HTTPS://chat.example.org:443/", "https://chat.example.org"),
            ("http://chat.example.org:80//", "http://chat.example.org"),
            ("https://chat.example.org:8443", "https://chat.example.org:8443"),
            ("http://chat.example.org:443", "http://chat.example.org:443"),
            (" https://чат.рф ", "https://xn--80a0bn.xn--p1ai"),
            ("https://Bücher.example", "https://xn--bcher-kva.example"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://[0:0::1]", "http://[::1]"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ];
        for (text, origin) in cases {
            assert_eq!(web_origin(text).as_deref(), Some(origin), "{text}");
            assert_eq!(web_origin(origin).as_deref(), Some(origin), "{text}");
        }
        let refused = [
            "",
            "null",
            "chat.example.org",
            "ftp://a.example",
            "https://",
            "https://a.example/chat",
            "https://a@b.example",
            "https://a.example?x",
            "https://a.example#x",
            "https://*.example",
            "https://a b.example",
            "file:///",
        ];
        for text in refused {
            assert_eq!(web_origin(text), None, "{text}");
        }
    }

    #[test]
    fn a_host_is_that_of_an_origin_with_and_without_its_port() {
        for (origin, host) in [
            ("https://a.example", "A.example"),
            ("https://a.example", "a.example:443"),
            ("http://a.example", "a.example:80"),
        ] {
            assert!(is_of_host(origin.as_bytes(), host.as_bytes()), "{origin} {host}");
        }
        for (origin, host) in [
            ("https://a.example", "a.example:80"),
            ("http://a.example", "a.example:443"),
            ("https://a.example:8443", "a.example"),
            ("https://a.example.evil", "a.example"),
            ("null", "null"),
            ("https://", ""),
        ] {
            assert!(!is_of_host(origin.as_bytes(), host.as_bytes()), "{origin} {host}");
        }
    }
}
