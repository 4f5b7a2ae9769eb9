//! Signals.

use std::io::Write;
use std::net::TcpStream;

use crate::process::Folder;

#[test]
fn the_first_signal_stops_in_good_order() {
    for signal in ["TERM", "INT"] {
        let folder = Folder::new();
        let server = folder.serve(&["--ephemeral"]);
        server.signal(signal);
        let (status, _, errors) = server.ended();
        assert_eq!(status.code(), Some(0), "{errors}");
        assert!(errors.trim_end().ends_with("stopped"), "{errors}");
    }
}

#[test]
fn the_second_signal_stops_at_once() {
    let folder = Folder::new();
    let mut server = folder.serve(&["--ephemeral"]);
    // A body that does not come keeps the server waiting.
    let mut slow = TcpStream::connect(&server.address).unwrap();
    slow.write_all(
        b"POST / HTTP/1.1\r\nhost: iamd\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n",
    )
    .unwrap();
    // Once `continue` is here, the request is in work.
    let mut space = [0; 25];
    std::io::Read::read_exact(&mut slow, &mut space).unwrap();
    server.signal("TERM");
    server.read_log_until("a second signal stops at once");
    server.signal("TERM");
    let (status, _, errors) = server.ended();
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.contains("stopping at once"), "{errors}");
}

#[test]
fn a_hangup_does_not_stop() {
    let folder = Folder::new();
    let server = folder.serve(&["--ephemeral"]);
    server.signal("HUP");
    assert_eq!(server.get("/-/health").0, 200);
    server.stop();
}
