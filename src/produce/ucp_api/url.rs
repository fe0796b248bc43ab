//! The address of a UCP: `https://HOST[:PORT]`.
//!
//! Promises: what is no such address is refused with the reason; nothing that could end up in a request unasked gets
//! through. Refuses to know: whether anybody is there.

use std::fmt;

use crate::produce::Trouble;
use crate::report::name;

/// `https://HOST[:PORT]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    /// A name or an address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Url {
    pub(super) fn parse(typed: &str) -> Result<Self, Trouble> {
        let no = |why: &str| {
            let typed = name(typed.as_bytes());
            Err(Trouble::Usage(format!(
                "`{typed}` is not the address of a UCP: {why}; give https://HOST or https://HOST:PORT"
            )))
        };
        let Some(rest) = typed.strip_prefix("https://") else {
            return no("it does not begin with https://");
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return no("something follows the host");
        }
        if rest.contains('@') {
            let sentence = "the address of a UCP must be without user and password: give https://HOST or https://HOST:PORT, \
                            and a token in a file";
            return Err(Trouble::Usage(sentence.to_owned()));
        }
        let bracketed = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (host, port) = match bracketed {
            Some((host, "")) => (host, None),
            Some((host, rest)) if rest.starts_with(':') => (host, rest.strip_prefix(':')),
            Some(_) => return no("something else than a port follows the bracket"),
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let may_stand =
            |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte) || (bracketed.is_some() && byte == b':');
        if host.is_empty() || !host.bytes().all(may_stand) {
            return no("its host is no name and no address");
        }
        let Ok(port) = port.unwrap_or("443").parse() else {
            return no("its port is no number from 1 to 65535");
        };
        if port == 0 {
            return no("its port is no number from 1 to 65535");
        }
        Ok(Self { host: host.to_owned(), port })
    }

    /// What stands in a request for `HOST[:PORT]`.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == 443 { host } else { format!("{host}:{}", self.port) }
    }

    /// The host as a part of a file's name.
    pub(super) fn in_a_name(&self) -> String {
        self.host.replace(':', "-")
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        for (typed, host, port, shown) in [
            ("https://ucp.example.org", "ucp.example.org", 443, "https://ucp.example.org"),
            ("https://ucp.example.org/", "ucp.example.org", 443, "https://ucp.example.org"),
            ("https://10.0.0.1:443", "10.0.0.1", 443, "https://10.0.0.1"),
            ("https://[2001:db8::1]:6443/", "2001:db8::1", 6443, "https://[2001:db8::1]:6443"),
        ] {
            let url = Url::parse(typed).unwrap();
            assert_eq!((url.host.as_str(), url.port, url.to_string().as_str()), (host, port, shown));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for typed in [
            "",
            "ucp.example.org",
            "http://ucp.example.org",
            "https://",
            "https://a/b",
            "https://a?b",
            "https://a\r\nX: y",
            "https://a b",
            "https://a:b",
            "https://a:0",
            "https://a:65536",
            "https://[::1",
            "https://::1",
            "https://[::1]443",
        ] {
            assert!(matches!(Url::parse(typed), Err(Trouble::Usage(_))), "{typed}");
        }
        let trouble = Url::parse("https://admin:hunter2@a").unwrap_err().to_string();
        assert!(!trouble.contains("hunter2"), "{trouble}");
    }
}
