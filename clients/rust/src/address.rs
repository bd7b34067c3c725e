//! Where the sidecar is.

use crate::{error::Error, refusal::Refusal};
use http::{
    Uri,
    uri::{Authority, PathAndQuery, Scheme},
};
use tonic::transport::Endpoint;

/// Where the address is if the application gives none.
pub(crate) const VARIABLE: &str = "SIDECOMMIT_ADDRESS";
/// Where the sidecar listens by default.
const SOCKET: &str = "unix:///run/sidecommit/api.sock";

/// The given address, else the environment's, else the default; one that is empty is none.
pub(crate) fn choose(given: Option<String>, environment: Option<String>) -> String {
    let some = |address: &String| !address.is_empty();
    given.filter(some).or_else(|| environment.filter(some)).unwrap_or_else(|| SOCKET.to_owned())
}

/// `unix:///path`, `unix:/path`, `host:port`, `tcp://host:port` or `http://host:port`.
pub(crate) fn endpoint(address: &str) -> Result<Endpoint, Error> {
    let malformed = || {
        Error::from(Refusal::malformed(format!(
            "the address is {address:?}: expected unix:///path, unix:/path or host:port"
        )))
    };
    if let Some(path) = address.strip_prefix("unix:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        if !path.starts_with('/') {
            return Err(malformed());
        }
        // A path is no authority.
        let origin = uri(Authority::from_static("localhost")).ok_or_else(malformed)?;
        return Ok(Endpoint::from_shared(format!("unix://{path}")).map_err(|_| malformed())?.origin(origin));
    }
    let host = address.strip_prefix("tcp://").or_else(|| address.strip_prefix("http://")).unwrap_or(address);
    let authority: Authority = host.trim_end_matches('/').parse().map_err(|_| malformed())?;
    if authority.port().is_none() || authority.host().is_empty() {
        return Err(malformed());
    }
    uri(authority).map(Endpoint::from).ok_or_else(malformed)
}

fn uri(authority: Authority) -> Option<Uri> {
    let slash = PathAndQuery::from_static("/");
    Uri::builder().scheme(Scheme::HTTP).authority(authority).path_and_query(slash).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_comes_before_the_environment_and_that_before_the_default() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(choose(text("a:1"), text("b:2")), "a:1");
        assert_eq!(choose(None, text("b:2")), "b:2");
        assert_eq!(choose(text(""), text("")), SOCKET);
    }

    #[test]
    fn sockets_and_hosts_with_a_port_are_addresses() {
        for address in
            ["unix:///run/a.sock", "unix:/run/a.sock", "localhost:1", "[::1]:1", "tcp://h:1", "http://h:1/"]
        {
            assert!(endpoint(address).is_ok(), "{address}");
        }
        for address in ["unix:a.sock", "unix://", "localhost", ":1", "https://h:1", "a b:1", ""] {
            assert!(matches!(endpoint(address), Err(Error::BadRequest(_))), "{address}");
        }
    }
}
