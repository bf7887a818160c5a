//! The listening socket: small answers leave at once, a client that is gone is noticed at once, and one that is silent for
//! too long is left.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use poem::{
    http::uri::Scheme,
    listener::Acceptor,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpSocket, TcpStream},
    time::{Instant, Sleep, sleep},
};

const BACKLOG: u32 = 1024;
/// A connection on which nothing moves is closed after this time; event streams say something every 15 s.
const IDLE: Duration = Duration::from_secs(16 * 60);

/// Accepts connections on one address.
pub(crate) struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Accepted sockets inherit `TCP_NODELAY`: without it small answers wait for an acknowledgement.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.set_reuseaddr(true)?;
        socket.set_nodelay(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Acceptor for Listener {
    type Io = Connection;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![LocalAddr(self.address.into())]
    }

    async fn accept(&mut self) -> io::Result<(Connection, LocalAddr, RemoteAddr, Scheme)> {
        let (socket, peer) = self.listener.accept().await?;
        let connection = Connection {
            socket,
            is_over: false,
            moved: Instant::now(),
            idle: Box::pin(sleep(IDLE)),
        };
        let local = LocalAddr(self.address.into());
        Ok((connection, local, RemoteAddr(peer.into()), Scheme::HTTP))
    }
}

/// A connection that takes no more bytes once the client has closed it.
///
/// The server goes on with an answer after it has seen the end of the input. An event stream of someone who left would
/// then live until two of its comments could not be sent, and so would the work behind any answer.
///
/// The server's own limit of idle time would wake a task at each read and write; this one wakes when it is over.
pub(crate) struct Connection {
    socket: TcpStream,
    is_over: bool,
    /// When the last bytes came or went.
    moved: Instant,
    idle: Pin<Box<Sleep>>,
}

impl Connection {
    fn check(&self) -> io::Result<()> {
        if self.is_over {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }

    /// Ready once nothing has moved for too long.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.idle.as_mut().poll(cx));
            let until = self.moved + IDLE;
            if until <= Instant::now() {
                return Poll::Ready(());
            }
            self.idle.as_mut().reset(until);
        }
    }

    fn written(&mut self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if polled.is_ready() {
            self.moved = Instant::now();
        }
        polled
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.socket).poll_read(cx, buffer);
        if polled.is_pending() {
            ready!(self.poll_idle(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.moved = Instant::now();
        let read_nothing = buffer.filled().len() == before && buffer.remaining() > 0;
        if read_nothing && matches!(polled, Poll::Ready(Ok(()))) {
            self.is_over = true;
        }
        polled
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        let polled = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.written(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        let polled = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.written(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
