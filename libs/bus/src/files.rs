//! Values that a service gives away piece by piece, put together again.
//!
//! **Invariant:** what is given is the very text that the reference names.

use contracts::{
    ErrorCode, Problem, Request,
    file::FilePart,
    id::TenantId,
    payload::{PayloadHash, PayloadRef},
};
use serde_json::Value;

use crate::{Bus, Call};

impl Bus {
    /// The value that a reference stands for, which `request` reads from a place on. The deadline is that of each piece.
    ///
    /// # Errors
    /// As [`Bus::call`]; `internal` where what comes is not that value.
    pub async fn value<R: Request<Reply = FilePart>>(
        &self,
        tenant: TenantId,
        call: Call<'_>,
        reference: &PayloadRef,
        request: impl Fn(PayloadHash, u64) -> R,
    ) -> Result<Value, Problem> {
        let broken = || {
            let detail = format!("the value `{}` does not come as it was", reference.hash);
            Problem::new(ErrorCode::Internal, detail)
        };
        let name = reference.name().ok_or_else(broken)?;
        let mut text = Vec::new();
        while (text.len() as u64) < reference.bytes {
            let piece = request(name.clone(), text.len() as u64);
            let part = self.call(tenant, &piece, call).await?;
            let content = part.content().filter(|content| !content.is_empty());
            text.extend(content.ok_or_else(broken)?);
        }
        if !reference.is_of(&text) {
            return Err(broken());
        }
        serde_json::from_slice(&text).map_err(|_| broken())
    }
}
