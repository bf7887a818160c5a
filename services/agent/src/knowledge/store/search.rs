//! Searches: by meaning and by words, merged.

use std::collections::BTreeMap;

use contracts::{
    id::{BaseId, DocumentId, TenantId},
    knowledge::Hit,
};
use sea_orm::{FromQueryResult, prelude::Uuid};

use super::{KnowledgeStore, find};
use crate::{
    embedding::Nearest,
    error::Error,
    query::{all, statement},
    ranking,
};

/// Models that a query is embedded by at most: two while a base moves from one to the other, seldom more.
const MAX_MODELS: i64 = 3;
/// What each list is longer than the answer.
const DEPTH: u32 = 4;

#[derive(FromQueryResult)]
struct Model {
    embedded_by: String,
}

#[derive(FromQueryResult)]
struct Found {
    document_id: Uuid,
    document: String,
    place: i32,
    heading: Option<String>,
    text: String,
}

/// Every passage of the base is looked at: exact, and the same each time.
const BY_MEANING: &str = "
    SELECT p.document_id, d.name AS document, p.place, p.heading, p.text
    FROM knowledge_passages p JOIN knowledge_documents d ON d.id = p.document_id
    WHERE p.base_id = $1 AND d.embedded_by = $2 AND extensions.vector_dims(p.embedding) = $3
    ORDER BY p.embedding OPERATOR(extensions.<=>) $4::text::extensions.vector, p.document_id, p.place
    LIMIT $5";

/// Passages with all words come before those with some. Who excludes words or quotes a phrase means it: then only those
/// that fit are found.
const BY_WORDS: &str = "
    WITH asked AS (SELECT websearch_to_tsquery('simple', $2) AS each_word),
    query AS (SELECT each_word, CASE WHEN each_word::text ~ '[!<]' THEN each_word
        ELSE replace(each_word::text, ' & ', ' | ')::tsquery END AS any_word FROM asked)
    SELECT p.document_id, d.name AS document, p.place, p.heading, p.text
    FROM query, knowledge_passages p JOIN knowledge_documents d ON d.id = p.document_id
    WHERE p.base_id = $1 AND p.words @@ query.any_word
    ORDER BY p.words @@ query.each_word DESC, ts_rank_cd(p.words, query.any_word) DESC, p.document_id, p.place
    LIMIT $3";

impl KnowledgeStore {
    /// The models that made the base's embeddings, the one of most documents first.
    pub(crate) async fn models(
        &self,
        tenant: TenantId,
        base: BaseId,
    ) -> Result<Vec<String>, Error> {
        const MODELS: &str = "
            SELECT embedded_by FROM knowledge_documents WHERE base_id = $1 AND embedded_by IS NOT NULL
            GROUP BY embedded_by ORDER BY count(*) DESC, embedded_by LIMIT $2";
        let models = statement(MODELS, [base.uuid().into(), MAX_MODELS.into()]);
        let transaction = self.pool.tenant(tenant).await?;
        find(transaction.conn(), base).await?;
        let rows: Vec<Model> = all(transaction.conn(), models).await?;
        Ok(rows.into_iter().map(|row| row.embedded_by).collect())
    }

    /// The best first.
    pub(crate) async fn search(
        &self,
        tenant: TenantId,
        base: BaseId,
        query: &str,
        nearest: &[Nearest],
        limit: u32,
    ) -> Result<Vec<Hit>, Error> {
        let depth = i64::from(limit.saturating_mul(DEPTH));
        let mut lists = Vec::with_capacity(nearest.len() + 1);
        let transaction = self.pool.tenant(tenant).await?;
        for Nearest { model, vector } in nearest {
            let values = [
                base.uuid().into(),
                model.as_str().into(),
                vector.dimensions().into(),
                vector.text().into(),
                depth.into(),
            ];
            lists.push(all(transaction.conn(), statement(BY_MEANING, values)).await?);
        }
        let values = [base.uuid().into(), query.into(), depth.into()];
        lists.push(all(transaction.conn(), statement(BY_WORDS, values)).await?);
        Ok(merged(lists, limit))
    }
}

fn merged(lists: Vec<Vec<Found>>, limit: u32) -> Vec<Hit> {
    let mut found = BTreeMap::new();
    let mut places = Vec::with_capacity(lists.len());
    for list in lists {
        let keys = list.iter().map(|row| (row.document_id, row.place));
        places.push(keys.collect());
        found.extend(
            list.into_iter()
                .map(|row| ((row.document_id, row.place), row)),
        );
    }
    let limit = usize::try_from(limit).expect("a search finds 50 passages at most");
    let hits = ranking::merge(places, limit).into_iter();
    hits.filter_map(|(key, score)| Some(to_hit(found.remove(&key)?, score)))
        .collect()
}

fn to_hit(row: Found, score: f64) -> Hit {
    Hit {
        document_id: DocumentId::from_uuid(row.document_id),
        document: row.document,
        passage: row.place.unsigned_abs(),
        heading: row.heading,
        text: row.text,
        score,
    }
}
