//! Files that go up with their progress, and files that come down in the user's name.

use contracts::{ErrorCode, Problem};
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, File, HtmlAnchorElement, ProgressEvent, Url, XmlHttpRequest};

use super::{BASE, Call, FromStatus, session, unreachable};
use crate::dom;

/// How long a saved file's address lives: the browser has read it by then.
const KEPT_MS: i32 = 30_000;

/// Sends the file as the whole body; `progress` hears the share that went up, from 0 to 1.
pub(crate) async fn upload<T: DeserializeOwned>(
    path: &str,
    file: &File,
    progress: impl FnMut(f64) + 'static,
) -> Result<T, Problem> {
    let token = session::token().await?;
    let name = js_sys::encode_uri_component(&file.name());
    let address = format!("{BASE}{path}?name={name}");
    // `fetch` does not tell how far a body went up.
    let request = XmlHttpRequest::new().map_err(|_| unreachable())?;
    let ended = send(&request, &address, &token, file, progress).map_err(|_| unreachable())?;
    // The promise is kept when the request ended, however it did.
    drop(JsFuture::from(ended).await);
    let status = request.status().unwrap_or(0);
    let text = request.response_text().ok().flatten().unwrap_or_default();
    match status {
        0 => Err(unreachable()),
        200..=299 => serde_json::from_str(&text).map_err(|error| {
            Problem::new(
                ErrorCode::Internal,
                format!("the answer cannot be read: {error}"),
            )
        }),
        401 => {
            session::refuse(&token);
            Err(problem_of(status, &text))
        }
        _ => Err(problem_of(status, &text)),
    }
}

fn problem_of(status: u16, text: &str) -> Problem {
    serde_json::from_str(text).unwrap_or_else(|_| {
        let detail = format!("the server answered {status}");
        Problem::new(ErrorCode::from_status(status), detail).with_status(status)
    })
}

/// A promise of the request's end.
fn send(
    request: &XmlHttpRequest,
    address: &str,
    token: &str,
    file: &File,
    mut progress: impl FnMut(f64) + 'static,
) -> Result<js_sys::Promise, JsValue> {
    request.open("POST", address)?;
    request.set_request_header("authorization", &format!("Bearer {token}"))?;
    request.set_request_header("content-type", "application/octet-stream")?;
    let told = Closure::<dyn FnMut(ProgressEvent)>::new(move |event: ProgressEvent| {
        if event.length_computable() && event.total() > 0.0 {
            progress(event.loaded() / event.total());
        }
    });
    // The browser holds it for as long as the request lives.
    request
        .upload()?
        .set_onprogress(Some(told.into_js_value().unchecked_ref()));
    let ended = js_sys::Promise::new(&mut |resolve, _| request.set_onloadend(Some(&resolve)));
    request.send_with_opt_blob(Some(file))?;
    Ok(ended)
}

/// Saves what `GET path` answers as a file of that name.
pub(crate) async fn download(path: &str, name: &str) -> Result<(), Problem> {
    let response = Call::new("GET", path).open().await?;
    let blob = match response.blob() {
        Ok(blob) => JsFuture::from(blob).await,
        Err(error) => Err(error),
    };
    let blob: Blob = blob.and_then(JsCast::dyn_into).map_err(|_| unreachable())?;
    save(&blob, name).map_err(|_| no_saving())
}

/// Saves a text as a file of that name.
pub(crate) fn save_text(text: &str, name: &str) -> Result<(), Problem> {
    let parts = js_sys::Array::of1(&text.into());
    let saved = Blob::new_with_str_sequence(&parts).and_then(|blob| save(&blob, name));
    saved.map_err(|_| no_saving())
}

fn no_saving() -> Problem {
    Problem::new(ErrorCode::Internal, "the browser does not save files here")
}

fn save(blob: &Blob, name: &str) -> Result<(), JsValue> {
    let address = Url::create_object_url_with_blob(blob)?;
    let link: HtmlAnchorElement = dom::document().create_element("a")?.dyn_into()?;
    link.set_href(&address);
    link.set_download(name);
    link.click();
    wasm_bindgen_futures::spawn_local(async move {
        dom::sleep_ms(KEPT_MS).await;
        // It fails for no address.
        drop(Url::revoke_object_url(&address));
    });
    Ok(())
}
