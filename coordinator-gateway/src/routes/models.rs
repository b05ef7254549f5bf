//! `GET /v1/models` and `GET /v1/models/{id}`

use axum::{
    extract::{rejection::PathRejection, Path, State},
    Json,
};
use openai_protocol::models::{ListModelsResponse, ModelObject};

use crate::{
    auth::Caller,
    dispatch::ModelSummary,
    error::{ApiError, ErrorBody},
    openapi::schemas,
    state::SharedState,
};

/// Lists the models that linked miners serve now.
#[utoipa::path(
    get,
    path = "/v1/models",
    tag = "models",
    security(("api_key" = [])),
    responses(
        (status = 200, description = "The models", body = schemas::ModelList),
        (status = 401, description = "No valid API key", body = ErrorBody),
    )
)]
pub(crate) async fn list_models(State(state): State<SharedState>, _: Caller) -> Json<ListModelsResponse> {
    let mut data: Vec<ModelObject> = state.registry.models().into_iter().map(object).collect();
    data.dedup_by(|a, b| a.id == b.id);
    Json(ListModelsResponse { object: "list".into(), data })
}

/// Shows one model.
#[utoipa::path(
    get,
    path = "/v1/models/{id}",
    tag = "models",
    params(("id" = String, Path, description = "What `GET /v1/models` lists")),
    security(("api_key" = [])),
    responses(
        (status = 200, description = "The model", body = schemas::Model),
        (status = 401, description = "No valid API key", body = ErrorBody),
        (status = 404, description = "No linked miner serves it", body = ErrorBody),
    )
)]
pub(crate) async fn get_model(
    State(state): State<SharedState>,
    _: Caller,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<ModelObject>, ApiError> {
    // What is not even text names no model.
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let models = state.registry.models();
    match models.iter().find(|model| model.id == id) {
        Some(model) => Ok(Json(object(model.clone()))),
        None => {
            let available: Vec<String> = models.into_iter().map(|model| model.id).collect();
            Err(ApiError::model_not_found(&id, &available))
        }
    }
}

fn object(model: ModelSummary) -> ModelObject {
    // Models are not created here, so the time is unknown, which the API writes as 0.
    ModelObject { id: model.id, object: "model".into(), created: 0, owned_by: "cuckoo".into() }
}
