use super::*;
use ::fuzz::Verdict;

#[test]
fn a_version_is_asked_for_by_a_tag_that_names_it() {
    ::fuzz::bytes(&[b"\"12\"", b"*", b"\"18446744073709551614\"", b"W/\"12-gzip\", \"13\""], |input| {
        let Ok(value) = HeaderValue::from_bytes(input) else { return Verdict::Refused };
        let request = axum::http::Request::patch("/").header(IF_MATCH, value).body(()).unwrap();
        let asked = if_match(&request.into_parts().0);
        if let Ok(Some(versions)) = &asked {
            let text = String::from_utf8_lossy(input);
            for version in versions {
                assert!(text.contains(&format!("\"{version}")), "{version}");
            }
        }
        Verdict::from(&asked)
    });
}
