//! The first words of a connection, as proof that a server is ready.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(2);

/// Whether a Postgres lets `user` into the database `postgres` without a password.
pub(crate) fn postgres_answers(port: u16, user: &str) -> bool {
    postgres_greets(port, user).unwrap_or(false)
}

/// Whether the NATS server of that name greets with `INFO`.
pub(crate) fn nats_answers(port: u16, name: &str) -> bool {
    let greeting = connect(port).and_then(|stream| {
        let mut line = String::new();
        BufReader::new(stream.take(64 * 1024)).read_line(&mut line)?;
        Ok(line)
    });
    greeting.is_ok_and(|line| {
        line.starts_with("INFO {") && line.contains(&format!("\"server_name\":\"{name}\""))
    })
}

/// Protocol 3.0: a startup message, then messages of a tag, a length and a body until
/// `ReadyForQuery` (tag `Z`). <https://www.postgresql.org/docs/current/protocol-flow.html>
fn postgres_greets(port: u16, user: &str) -> io::Result<bool> {
    let parameters = format!("user\0{user}\0database\0postgres\0\0");
    let mut message = Vec::new();
    message.extend(u32::try_from(8 + parameters.len()).map_err(io::Error::other)?.to_be_bytes());
    message.extend(196_608_u32.to_be_bytes());
    message.extend(parameters.as_bytes());

    let mut stream = connect(port)?;
    stream.write_all(&message)?;
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head)?;
        let [tag, length @ ..] = head;
        match tag {
            b'Z' => {
                stream.write_all(&[b'X', 0, 0, 0, 4])?; // Terminate
                return Ok(true);
            }
            b'E' => return Ok(false), // still starting up, for example
            _ => {
                let body = u64::from(u32::from_be_bytes(length)).saturating_sub(4);
                io::copy(&mut (&mut stream).take(body), &mut io::sink())?;
            }
        }
    }
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    Ok(stream)
}
