//! `GET /v1/prices`

use std::collections::BTreeMap;

use axum::{extract::State, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::price_view::PriceView;
use crate::state::SharedState;

/// What this gateway pays its miners.
#[derive(Serialize, ToSchema)]
pub(crate) struct PriceList {
    /// Always `list`.
    object: &'static str,
    /// For every model that is not in `data`.
    default: PriceView,
    data: Vec<ModelPriceView>,
}

/// The price of one model.
#[derive(Serialize, ToSchema)]
struct ModelPriceView {
    model: String,
    price: PriceView,
}

/// Shows what is paid for the work of each model. Miners that ask more are not chosen.
#[utoipa::path(get, path = "/v1/prices", tag = "market",
    responses((status = 200, description = "The prices of models that are served now or have one of their own", body = PriceList)))]
pub(crate) async fn list_prices(State(state): State<SharedState>) -> Json<PriceList> {
    let served = state.registry.models().into_iter().map(|model| {
        let price = state.prices.of(&model.id);
        (model.id, price)
    });
    let named = state.prices.named().map(|(model, price)| (model.to_owned(), price));
    let prices: BTreeMap<_, _> = named.chain(served).collect();
    let data = prices.into_iter().map(|(model, price)| ModelPriceView { model, price: price.into() }).collect();
    Json(PriceList { object: "list", default: state.prices.default_price().into(), data })
}
