//! How the server behaves: plain values, resolved by whoever starts it.

use crate::Error;
use std::time::Duration;

/// Limits and times of a server. [`ServeSettings::default`] suits one machine with one model.
#[derive(Clone, Debug)]
pub struct ServeSettings {
    /// The largest request body, in bytes; a larger one is answered 413.
    pub max_body_bytes: usize,
    /// The most bytes of request bodies held at once, over all requests; past it 429.
    pub max_buffered_bytes: usize,
    /// How deep JSON may nest.
    pub max_json_depth: usize,
    /// How many patients one request may hold.
    pub max_patients_per_request: usize,
    /// How many predicting requests may be under way at once; past it 429.
    pub max_in_flight: usize,
    /// How many connections may be open at once; further ones wait to be accepted.
    pub max_connections: usize,
    /// How many TLS handshakes may be under way at once; past it the one that has taken longest is cut off.
    pub max_handshakes: usize,
    /// How long a TLS handshake may take, with waiting for a connection's place.
    pub handshake_timeout: Duration,
    /// How many patients may wait for the model; past it 429.
    pub queue_capacity: usize,
    /// How many patients the model is asked about at once, at most.
    pub max_batch: usize,
    /// How long a batch waits for patients that are being read. It doesn't wait when none are.
    pub batch_window: Duration,
    /// Threads that call [`crate::Predictor::risk`]. One suits a model that uses all cores by itself.
    pub predictor_threads: usize,
    /// Records that are parsed at the same time.
    pub reader_threads: usize,
    /// How long a client may take to send the head of a request, or stay idle between two.
    pub header_timeout: Duration,
    /// How long a client may take to send a body.
    pub body_timeout: Duration,
    /// How long a client may take nothing of what it is sent; past it the connection ends.
    pub write_timeout: Duration,
    /// How long an answer may take from the first byte of the request; past it 504.
    pub request_timeout: Duration,
    /// How many callers may have futures drawn at once (`/v1/simulate`); past it 429.
    pub max_simulations: usize,
    /// How long drawing futures may take; past it 504.
    pub simulation_timeout: Duration,
    /// How many callers may be told reasons at once (`/v1/reason`), which takes seconds; past it 429.
    pub max_reasonings: usize,
    /// How many requests may wait to be asked silently of a mirrored model; past it they are left out.
    pub max_mirrored: usize,
    /// How long such a request may wait for callers to be served first; past it it is left out.
    pub mirror_patience: Duration,
    /// How long requests under way may take after shutdown began.
    pub drain_timeout: Duration,
    /// The longest answer that the ledger keeps whole, in bytes; of longer ones it keeps the digest.
    pub max_ledger_output_bytes: usize,
    /// Memory for records that callers leave at `/v1/patients`, in bytes; past it those used longest ago go.
    pub max_kept_bytes: usize,
    /// How much of it one caller may have; past it that caller's own go first.
    pub max_kept_bytes_per_caller: usize,
    /// The most events of one record that is kept.
    pub max_kept_events: usize,
    /// How long a record is kept that nobody asks about.
    pub kept_idle: Duration,
    /// How many risks are returned per patient when the request names no codes and no number.
    pub default_top: usize,
}

impl Default for ServeSettings {
    fn default() -> Self {
        ServeSettings {
            max_body_bytes: 16 << 20,
            max_buffered_bytes: 256 << 20,
            max_json_depth: 64,
            max_patients_per_request: 256,
            max_in_flight: 256,
            max_connections: 1024,
            max_handshakes: 256,
            handshake_timeout: Duration::from_secs(5),
            queue_capacity: 512,
            max_batch: 32,
            batch_window: Duration::from_millis(2),
            predictor_threads: 1,
            reader_threads: 2,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(20),
            write_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(30),
            max_simulations: 2,
            simulation_timeout: Duration::from_secs(60),
            max_reasonings: 2,
            max_mirrored: 64,
            mirror_patience: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(20),
            max_ledger_output_bytes: 64 << 10,
            max_kept_bytes: 128 << 20,
            max_kept_bytes_per_caller: 64 << 20,
            max_kept_events: 20_000,
            kept_idle: Duration::from_secs(3600),
            default_top: 20,
        }
    }
}

impl ServeSettings {
    /// Refuses settings under which no request could be answered.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let positive = [
            ("max_body_bytes", self.max_body_bytes),
            ("max_json_depth", self.max_json_depth),
            ("max_patients_per_request", self.max_patients_per_request),
            ("max_in_flight", self.max_in_flight),
            ("max_connections", self.max_connections),
            ("max_handshakes", self.max_handshakes),
            ("queue_capacity", self.queue_capacity),
            ("max_batch", self.max_batch),
            ("predictor_threads", self.predictor_threads),
            ("reader_threads", self.reader_threads),
            ("max_simulations", self.max_simulations),
            ("max_reasonings", self.max_reasonings),
            ("default_top", self.default_top),
        ];
        if let Some((name, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
            return Err(Error::Setting { name, reason: "must be at least 1" });
        }
        if self.queue_capacity < self.max_patients_per_request {
            return Err(Error::Setting {
                name: "queue_capacity",
                reason: "must hold max_patients_per_request",
            });
        }
        if self.max_buffered_bytes < self.max_body_bytes {
            return Err(Error::Setting { name: "max_buffered_bytes", reason: "must hold max_body_bytes" });
        }
        if self.max_kept_bytes < self.max_kept_bytes_per_caller {
            return Err(Error::Setting {
                name: "max_kept_bytes",
                reason: "must hold max_kept_bytes_per_caller",
            });
        }
        let times = [
            ("handshake_timeout", self.handshake_timeout),
            ("header_timeout", self.header_timeout),
            ("body_timeout", self.body_timeout),
            ("write_timeout", self.write_timeout),
            ("request_timeout", self.request_timeout),
            ("kept_idle", self.kept_idle),
            ("simulation_timeout", self.simulation_timeout),
        ];
        match times.into_iter().find(|(_, time)| time.is_zero()) {
            Some((name, _)) => Err(Error::Setting { name, reason: "must be longer than nothing" }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_settings_are_refused_by_name() {
        assert!(ServeSettings::default().check().is_ok());
        let refused = |settings: ServeSettings| settings.check().unwrap_err().to_string();
        assert!(refused(ServeSettings { max_batch: 0, ..Default::default() }).contains("max_batch"));
        assert!(
            refused(ServeSettings { queue_capacity: 1, ..Default::default() }).contains("queue_capacity")
        );
        assert!(
            refused(ServeSettings { max_buffered_bytes: 1, ..Default::default() }).contains("max_buffered")
        );
        let instant = ServeSettings { request_timeout: Duration::ZERO, ..Default::default() };
        assert!(refused(instant).contains("request_timeout"));
    }
}
