//! `/crews`: crews with their versions, bringing them in from elsewhere, and runs of them.

use contracts::{
    agent::AgentVersion,
    crew::{
        CreateCrew, Crew, CrewSpec, CrewSummary, DeleteCrew, GetCrew, ImportCrew, ImportedCrew,
        ListCrewVersions, ListCrews, UpdateCrew,
    },
    flow::{RunCrew, TestCrew},
    id::CrewId,
    page::Page,
};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Header, Path, Query},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    PREFIX, Tag,
    agents::RunBody,
    etag,
    flows::{Started, started},
    form::{Deleted, in_flat_body, paging},
};
use crate::{
    caller::Bearer,
    payload::{Json, MaybeJson},
};

pub(crate) struct Api;

#[derive(Default, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct TestBody {
    #[serde(default)]
    #[oai(default)]
    input: Value,
    /// The newest when absent.
    #[serde(default)]
    version: Option<u32>,
    /// What every agent uses instead of its own model: `rehearsal/rehearsal`, free and offline, when absent.
    #[serde(default)]
    model: Option<String>,
}

#[derive(ApiResponse)]
enum OneCrew {
    #[oai(status = 200)]
    Ok(
        Json<Crew>,
        /// The crew's version, for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
enum Created {
    #[oai(status = 201)]
    Created(
        Json<Crew>,
        #[oai(header = "Location")] String,
        /// The crew's version, for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
enum Imported {
    #[oai(status = 201)]
    Created(
        Json<ImportedCrew>,
        /// Of the crew.
        #[oai(header = "Location")]
        String,
    ),
}

#[OpenApi(prefix_path = "/crews", tag = "Tag::Crews")]
impl Api {
    /// The organization's crews
    #[oai(path = "/", method = "get", operation_id = "agent.crews")]
    async fn list(
        &self,
        caller: Bearer,
        /// Only crews whose name or description contains this text, whatever the case.
        search: Query<Option<String>>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<CrewSummary>>> {
        let request = ListCrews {
            search: search.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Create a crew
    #[oai(path = "/", method = "post", operation_id = "agent.create_crew")]
    async fn create(&self, caller: Bearer, body: Json<CrewSpec>) -> poem::Result<Created> {
        let request = CreateCrew { spec: body.0 };
        let crew = caller.ask(&request).await.map_err(in_flat_body)?;
        let (location, tag) = (location_of(crew.id), etag::of(crew.version.into()));
        Ok(Created::Created(Json(crew), location, tag))
    }

    /// Make agents and a crew from the two files of a CrewAI project
    ///
    /// Either all is made or nothing; `ignored` names what the files say that has no counterpart here.
    #[oai(path = "/import", method = "post", operation_id = "agent.import_crew")]
    async fn import(&self, caller: Bearer, body: Json<ImportCrew>) -> poem::Result<Imported> {
        let imported = caller.ask(&body.0).await?;
        let location = location_of(imported.crew.id);
        Ok(Imported::Created(Json(imported), location))
    }

    /// One crew
    #[oai(path = "/:crew_id", method = "get", operation_id = "agent.get_crew")]
    async fn get(
        &self,
        caller: Bearer,
        crew_id: Path<CrewId>,
        /// The newest when absent.
        version: Query<Option<u32>>,
    ) -> poem::Result<OneCrew> {
        let request = GetCrew {
            crew_id: crew_id.0,
            version: version.0,
        };
        Ok(tagged(caller.ask(&request).await?))
    }

    /// Make the next version of a crew
    ///
    /// With `If-Match`, only while the newest version is that one: 412 otherwise.
    #[oai(path = "/:crew_id", method = "put", operation_id = "agent.update_crew")]
    async fn update(
        &self,
        caller: Bearer,
        crew_id: Path<CrewId>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Json<CrewSpec>,
    ) -> poem::Result<OneCrew> {
        let request = UpdateCrew {
            crew_id: crew_id.0,
            spec: body.0,
            if_version: etag::parse_small(if_match.0.as_deref())?,
        };
        let crew = caller.ask(&request).await.map_err(in_flat_body)?;
        Ok(tagged(crew))
    }

    /// Hide a crew and free its name
    #[oai(
        path = "/:crew_id",
        method = "delete",
        operation_id = "agent.delete_crew"
    )]
    async fn delete(&self, caller: Bearer, crew_id: Path<CrewId>) -> poem::Result<Deleted> {
        let crew_id = crew_id.0;
        caller.ask(&DeleteCrew { crew_id }).await?;
        Ok(Deleted::Done)
    }

    /// The versions of a crew, the newest first
    #[oai(
        path = "/:crew_id/versions",
        method = "get",
        operation_id = "agent.crew_versions"
    )]
    async fn versions(
        &self,
        caller: Bearer,
        crew_id: Path<CrewId>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<AgentVersion>>> {
        let request = ListCrewVersions {
            crew_id: crew_id.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Start a run of a crew
    #[oai(
        path = "/:crew_id/run",
        method = "post",
        operation_id = "flow.run_crew"
    )]
    async fn run(
        &self,
        caller: Bearer,
        crew_id: Path<CrewId>,
        /// The same key and body give the same execution; the same key with another body is refused.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        body: MaybeJson<RunBody>,
    ) -> poem::Result<Started> {
        let request = RunCrew {
            crew_id: crew_id.0,
            version: body.0.version,
            input: body.0.input,
            idempotency_key: idempotency_key.0,
        };
        Ok(started(caller.ask(&request).await?))
    }

    /// Run a crew with every agent on one model
    ///
    /// Its tools are called for real.
    #[oai(
        path = "/:crew_id/test",
        method = "post",
        operation_id = "flow.test_crew"
    )]
    async fn test(
        &self,
        caller: Bearer,
        crew_id: Path<CrewId>,
        body: MaybeJson<TestBody>,
    ) -> poem::Result<Started> {
        let request = TestCrew {
            crew_id: crew_id.0,
            version: body.0.version,
            input: body.0.input,
            model: body.0.model,
        };
        Ok(started(caller.ask(&request).await?))
    }
}

fn tagged(crew: Crew) -> OneCrew {
    let tag = etag::of(crew.version.into());
    OneCrew::Ok(Json(crew), tag)
}

fn location_of(crew_id: CrewId) -> String {
    format!("{PREFIX}/crews/{crew_id}")
}
