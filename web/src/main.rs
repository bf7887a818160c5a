//! The web app.

mod api;
mod app;
mod dom;
mod format;
mod live;
mod pages;
mod params;
mod routes;
mod shell;
mod socket;
mod ui;

fn main() {
    app::launch();
}
