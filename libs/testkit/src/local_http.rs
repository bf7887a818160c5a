//! An HTTP server on loopback that ends with its owner.

use std::net::SocketAddr;

use poem::{IntoEndpoint, Server, listener::TcpAcceptor};
use tokio::{net::TcpListener, task::JoinSet};

#[derive(Debug)]
pub(crate) struct LocalHttp {
    address: SocketAddr,
    /// Ends the server when it is dropped.
    _serving: JoinSet<std::io::Result<()>>,
}

impl LocalHttp {
    /// Serves on a port the operating system chose. Connections are accepted
    /// from the moment this returns.
    pub(crate) async fn serve<E>(endpoint: E) -> Self
    where
        E: IntoEndpoint + Send + 'static,
        E::Endpoint: 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port on loopback is free");
        let address = listener.local_addr().expect("a listener has an address");
        let acceptor = TcpAcceptor::from_tokio(listener).expect("the listener is open");
        let mut serving = JoinSet::new();
        serving.spawn(Server::new_with_acceptor(acceptor).run(endpoint));
        Self {
            address,
            _serving: serving,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
