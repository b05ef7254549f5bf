//! `GET /v1/models` and `GET /v1/models/{id}`

use axum::{
    extract::{rejection::PathRejection, Path, State},
    Json,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::price_view::PriceView;
use crate::{
    auth::Caller,
    error::{ApiError, ErrorBody},
    settle::Prices,
    state::SharedState,
};

/// The models that linked miners serve.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelList {
    /// Always `list`.
    object: &'static str,
    data: Vec<Model>,
}

/// A model.
#[derive(Serialize, ToSchema)]
pub(crate) struct Model {
    id: String,
    /// Always `model`.
    object: &'static str,
    /// 0: unknown.
    created: i64,
    owned_by: &'static str,
    /// What is paid for its work.
    price: PriceView,
}

/// Lists the models that linked miners serve now.
#[utoipa::path(
    get,
    path = "/v1/models",
    tag = "models",
    security(("api_key" = [])),
    responses(
        (status = 200, description = "The models", body = ModelList),
        (status = 401, description = "No valid API key", body = ErrorBody),
    )
)]
pub(crate) async fn list_models(State(state): State<SharedState>, _: Caller) -> Json<ModelList> {
    let mut ids: Vec<String> = state.registry.models().into_iter().map(|model| model.id).collect();
    ids.dedup();
    let data = ids.into_iter().map(|id| model(id, &state.prices)).collect();
    Json(ModelList { object: "list", data })
}

/// Shows one model.
#[utoipa::path(
    get,
    path = "/v1/models/{id}",
    tag = "models",
    params(("id" = String, Path, description = "What `GET /v1/models` lists")),
    security(("api_key" = [])),
    responses(
        (status = 200, description = "The model", body = Model),
        (status = 401, description = "No valid API key", body = ErrorBody),
        (status = 404, description = "No linked miner serves it", body = ErrorBody),
    )
)]
pub(crate) async fn get_model(
    State(state): State<SharedState>,
    _: Caller,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Model>, ApiError> {
    // What is not even text names no model.
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let models = state.registry.models();
    match models.iter().any(|model| model.id == id) {
        true => Ok(Json(model(id, &state.prices))),
        false => {
            let available: Vec<String> = models.into_iter().map(|model| model.id).collect();
            Err(ApiError::model_not_found(&id, &available))
        }
    }
}

fn model(id: String, prices: &Prices) -> Model {
    let price = prices.of(&id).into();
    // Models are not created here, so the time is unknown, which the API writes as 0.
    Model { id, object: "model", created: 0, owned_by: "cuckoo", price }
}
