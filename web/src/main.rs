//! The web app.

mod api;
mod app;
mod canvas;
mod dom;
mod format;
mod lazy;
mod listen;
mod live;
mod pages;
mod params;
mod routes;
mod schema;
mod shell;
mod socket;
mod ui;

fn main() {
    app::launch();
}
