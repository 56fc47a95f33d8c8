//! What Kubernetes puts into the environment of every container for each Service of its namespace. A Service named
//! `letopis`, or `letopis-api`, so brings variables that begin like ours.

/// Whether a variable is what Kubernetes tells of a Service: `…_SERVICE_HOST`, `…_SERVICE_PORT`, with the name of a port
/// behind it, `…_PORT` with an address, `…_PORT_8080_TCP` and what follows that.
pub fn is_of_a_service(name: &str, value: &str) -> bool {
    if name.ends_with("_SERVICE_HOST") {
        return true;
    }
    if let Some((_, port)) = name.rsplit_once("_SERVICE_PORT") {
        return is_port(value) && (port.is_empty() || port.starts_with('_'));
    }
    if name.ends_with("_PORT") && is_address(value) {
        return true;
    }
    let Some((_, rest)) = name.split_once("_PORT_") else { return false };
    let mut parts = rest.split('_');
    let is_numbered = parts.next().is_some_and(is_port);
    let is_protocol = parts.next().is_some_and(|part| matches!(part, "TCP" | "UDP" | "SCTP"));
    let is_detail = match parts.next() {
        None => is_address(value),
        Some(detail) => matches!(detail, "PROTO" | "PORT" | "ADDR"),
    };
    is_numbered && is_protocol && is_detail && parts.next().is_none()
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

fn is_address(value: &str) -> bool {
    let rest = ["tcp://", "udp://", "sctp://"].into_iter().find_map(|protocol| value.strip_prefix(protocol));
    rest.and_then(|rest| rest.rsplit_once(':')).is_some_and(|(_, port)| is_port(port))
}
