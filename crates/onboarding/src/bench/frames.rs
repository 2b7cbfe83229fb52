//! The messages in what a client and Postgres send each other, for whoever stands in between.

/// Cuts a stream into messages: a kind, a length with itself, a body.
#[derive(Default)]
pub struct Frames {
    pending: Vec<u8>,
    /// The first message of a client has no kind.
    startup: bool,
}

impl Frames {
    /// What a client sends from its first byte on, on a connection without TLS.
    pub fn after_startup() -> Self {
        Self { startup: true, ..Self::default() }
    }

    /// Takes more of the stream and shows each message that is complete by it.
    pub fn feed(&mut self, bytes: &[u8], see: &mut impl FnMut(u8, &[u8])) {
        self.pending.extend_from_slice(bytes);
        let mut rest = self.pending.as_slice();
        loop {
            let head = usize::from(!self.startup);
            let Some(length) = rest.get(head..head + 4) else { break };
            let length = length.iter().fold(0, |all, byte| all << 8 | usize::from(*byte));
            let Some(body) = rest.get(head + 4..head + length) else { break };
            if !self.startup {
                see(rest[0], body);
            }
            self.startup = false;
            rest = &rest[head + length..];
        }
        let done = self.pending.len() - rest.len();
        self.pending.drain(..done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_seen_however_the_stream_is_cut() {
        let startup = [0, 0, 0, 8, 0, 3, 0, 0];
        let stream = [startup.as_slice(), b"Q\0\0\0\x07ab\0", b"S\0\0\0\x04"].concat();
        for size in 1..=stream.len() {
            let (mut frames, mut seen) = (Frames::after_startup(), vec![]);
            for piece in stream.chunks(size) {
                frames.feed(piece, &mut |kind, body| seen.push((kind, body.to_vec())));
            }
            assert_eq!(seen, [(b'Q', b"ab\0".to_vec()), (b'S', vec![])]);
        }
    }
}
