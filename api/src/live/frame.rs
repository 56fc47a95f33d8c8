//! What a stream is told, in bytes that all of them share.

use axum::body::Bytes;
use serde::Serialize;
use std::fmt::Write;
use std::sync::{Arc, OnceLock};

/// Something that a stream is told.
pub(crate) struct Frame {
    /// Where it stands in the log; none for what is told only while it happens.
    pub(super) position: Option<u64>,
    event: &'static str,
    /// JSON.
    data: String,
    /// It as an event of SSE, once anybody has asked for that.
    event_text: OnceLock<Bytes>,
    /// It as a message of a WebSocket, likewise.
    message_text: OnceLock<Bytes>,
}

impl Frame {
    pub(super) fn new(position: Option<u64>, event: &'static str, data: &impl Serialize) -> Arc<Frame> {
        let data = serde_json::to_string(data).expect("a frame is made of text, numbers and ids");
        Arc::new(Frame { position, event, data, event_text: OnceLock::new(), message_text: OnceLock::new() })
    }

    /// About how many bytes it takes on its way.
    pub(super) fn bytes(&self) -> usize {
        self.data.len() + self.event.len()
    }

    /// It as an event of SSE. JSON has no line breaks of its own.
    pub(crate) fn event_text(&self) -> Bytes {
        let text = || {
            let mut text = String::with_capacity(self.data.len() + 64);
            if let Some(position) = self.position {
                writeln!(text, "id: {position}").expect("a string takes all");
            }
            write!(text, "event: {}\ndata: {}\n\n", self.event, self.data).expect("a string takes all");
            Bytes::from(text)
        };
        self.event_text.get_or_init(text).clone()
    }

    /// It as a message of a WebSocket: one JSON object.
    pub(crate) fn message_text(&self) -> Bytes {
        let text = || {
            let mut text = String::with_capacity(self.data.len() + 64);
            write!(text, "{{\"event\":\"{}\",", self.event).expect("a string takes all");
            if let Some(position) = self.position {
                write!(text, "\"position\":{position},").expect("a string takes all");
            }
            write!(text, "\"data\":{}}}", self.data).expect("a string takes all");
            Bytes::from(text)
        };
        self.message_text.get_or_init(text).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn both_ways_say_the_same() {
        let data = json!({"text": "two\nlines and \"quotes\""});
        let frame = Frame::new(Some(7), "message.posted", &data);
        let text = String::from_utf8(frame.event_text().to_vec()).unwrap();
        assert_eq!(text.lines().collect::<Vec<_>>()[..2], ["id: 7", "event: message.posted"]);
        let line = text.lines().nth(2).unwrap().strip_prefix("data: ").unwrap();
        assert_eq!(serde_json::from_str::<Value>(line).unwrap(), data);
        assert!(text.ends_with("}\n\n") && text.lines().count() == 4, "{text}");
        let message = serde_json::from_slice::<Value>(&frame.message_text()).unwrap();
        assert_eq!(message, json!({"event": "message.posted", "position": 7, "data": data}));
        let fleeting = Frame::new(None, "typing", &json!({}));
        assert_eq!(fleeting.event_text(), "event: typing\ndata: {}\n\n");
        assert_eq!(fleeting.message_text(), r#"{"event":"typing","data":{}}"#);
    }
}
