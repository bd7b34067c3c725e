//! Brokers name their addresses in replies (Metadata, FindCoordinator, and where a leader moved to); a client would go
//! there and past the proxy.

/// Every reply that names a broker has its host and then its port, whatever the version.
const HOST: &[u8] = b"127.0.0.1";

/// Which of the proxy's ports stands for which broker's.
#[derive(Clone, Debug)]
pub(crate) struct Addresses(pub(crate) Vec<(u16, u16)>);

// === impl Addresses ===

impl Addresses {
    /// Puts the proxy's ports in the place of the brokers'. Nothing changes its length.
    pub(crate) fn replace(&self, reply: &mut [u8]) {
        let mut at = 0;
        while let Some(found) = reply[at..].windows(HOST.len()).position(|window| window == HOST) {
            at += found + HOST.len();
            let Some(port) = reply.get_mut(at..at + 4) else { return };
            let named = u32::from_be_bytes([port[0], port[1], port[2], port[3]]);
            if let Some((_, ours)) = self.0.iter().find(|(broker, _)| u32::from(*broker) == named) {
                port.copy_from_slice(&u32::from(*ours).to_be_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_brokers_port_is_replaced_once_and_nothing_else() {
        // The first broker's port is the second's in the proxy: replaced twice, both would end in one.
        let addresses = Addresses(vec![(9092, 9093), (9093, 9094)]);
        let named = |ports: [u32; 3]| -> Vec<u8> {
            ports.into_iter().flat_map(|port| [&b"\x0a127.0.0.1"[..], &port.to_be_bytes()].concat()).collect()
        };
        let mut reply = named([9092, 9093, 80]);
        addresses.replace(&mut reply);
        assert_eq!(reply, named([9093, 9094, 80]));
        let mut cut_off = b"127.0.0.1\x00\x00".to_vec();
        addresses.replace(&mut cut_off);
        assert_eq!(cut_off, b"127.0.0.1\x00\x00");
    }
}
