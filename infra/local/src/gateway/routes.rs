//! The routes of the API.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use crate::template::Function;

/// A segment of a route's path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Exact(String),
    /// `{id}`: one segment.
    Parameter(String),
    /// `{proxy+}`: the rest, at least one segment.
    Greedy(String),
}

struct Route {
    key: String,
    method: Option<String>,
    /// `None`: `$default`.
    path: Option<Vec<Segment>>,
    function: String,
}

/// The routes of the API.
pub(super) struct Routes {
    routes: Vec<Route>,
}

/// The matching route of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) key: String,
    pub(super) function: String,
    pub(super) parameters: BTreeMap<String, String>,
}

impl Routes {
    pub(super) fn new(functions: &[Function]) -> Result<Self> {
        let mut routes: Vec<Route> = Vec::new();
        for (function, route) in functions.iter().flat_map(|f| f.routes.iter().map(move |route| (f, route))) {
            let key = route.key();
            if routes.iter().any(|known| known.key == key) {
                bail!("route {key} leads to two functions");
            }
            let path =
                (route.path != "$default").then(|| route.path.split('/').skip(1).map(segment).collect());
            let method = (route.method != "ANY").then(|| route.method.clone());
            routes.push(Route { key, method, path, function: function.binary.clone() });
        }
        Ok(Self { routes })
    }

    /// Finds the most specific route. Segment by segment, an exact one wins over a parameter, which wins over a greedy one; then
    /// a method wins over `ANY`; `$default` is last.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<Found> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let fits = |route: &&Route| {
            route.method.as_deref().is_none_or(|own| own == method)
                && route.path.as_ref().is_none_or(|path| matches(path, &segments))
        };
        let best = self.routes.iter().filter(fits).min_by_key(|route| rank(route))?;
        let parameters = best.path.as_ref().map(|path| parameters(path, &segments)).unwrap_or_default();
        Some(Found { key: best.key.clone(), function: best.function.clone(), parameters })
    }
}

fn segment(text: &str) -> Segment {
    match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        None => Segment::Exact(text.to_owned()),
        Some(name) => match name.strip_suffix('+') {
            None => Segment::Parameter(name.to_owned()),
            Some(name) => Segment::Greedy(name.to_owned()),
        },
    }
}

fn matches(path: &[Segment], segments: &[&str]) -> bool {
    match (path.split_first(), segments.split_first()) {
        (None, None) => true,
        (Some((Segment::Greedy(_), [])), Some((first, rest))) => !first.is_empty() || !rest.is_empty(),
        (Some((Segment::Exact(own), path)), Some((first, rest))) => own == first && matches(path, rest),
        (Some((Segment::Parameter(_), path)), Some((first, rest))) => {
            !first.is_empty() && matches(path, rest)
        }
        _ => false,
    }
}

/// Ranks a route: the smaller, the more specific.
fn rank(route: &Route) -> (Vec<u8>, bool) {
    let weight = |segment: &Segment| match segment {
        Segment::Exact(_) => 0,
        Segment::Parameter(_) => 1,
        Segment::Greedy(_) => 2,
    };
    let path = route.path.as_ref().map_or_else(|| vec![u8::MAX], |path| path.iter().map(weight).collect());
    (path, route.method.is_none())
}

fn parameters(path: &[Segment], segments: &[&str]) -> BTreeMap<String, String> {
    let value = |(index, segment): (usize, &Segment)| match segment {
        Segment::Exact(_) => None,
        Segment::Parameter(name) => Some((name.clone(), segments[index].to_owned())),
        Segment::Greedy(name) => Some((name.clone(), segments[index..].join("/"))),
    };
    path.iter().enumerate().filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{Surroundings, load};

    const TEMPLATE: &str = r#"
Resources:
  A: {Type: "AWS::Serverless::Function", Properties: {CodeUri: f/get, Events: {
      One: {Type: HttpApi, Properties: {Method: get, Path: "/v1/items/{id}"}},
      Two: {Type: HttpApi, Properties: {Method: get, Path: "/v1/items/{id}/{filename}"}},
      Any: {Type: HttpApi, Properties: {Method: ANY, Path: "/v1/items/{id}"}},
      Exact: {Type: HttpApi, Properties: {Method: get, Path: /v1/items/special}},
      Greedy: {Type: HttpApi, Properties: {Method: any, Path: "/v1/{rest+}"}}}}}
  B: {Type: "AWS::Serverless::Function", Properties: {CodeUri: f/default, Events: {
      Default: {Type: HttpApi, Properties: {Path: $default}}}}}
"#;

    fn found(method: &str, path: &str) -> (String, Vec<String>) {
        let model = load(TEMPLATE, &Surroundings::default()).unwrap();
        let found = Routes::new(&model.functions).unwrap().find(method, path).unwrap();
        (found.key, found.parameters.into_iter().map(|(name, value)| format!("{name}={value}")).collect())
    }

    #[test]
    fn the_most_specific_route_wins() {
        for (method, path, key, parameters) in [
            ("GET", "/v1/items/special", "GET /v1/items/special", vec![]),
            ("GET", "/v1/items/7", "GET /v1/items/{id}", vec!["id=7"]),
            ("PUT", "/v1/items/7", "ANY /v1/items/{id}", vec!["id=7"]),
            ("GET", "/v1/items/7/a b", "GET /v1/items/{id}/{filename}", vec!["filename=a b", "id=7"]),
            ("HEAD", "/v1/items/7/a", "ANY /v1/{rest+}", vec!["rest=items/7/a"]),
            ("GET", "/v1/items/", "ANY /v1/{rest+}", vec!["rest=items/"]),
            ("GET", "/v1/", "$default", vec![]),
            ("GET", "/", "$default", vec![]),
        ] {
            let expected = (key.to_owned(), parameters.into_iter().map(str::to_owned).collect());
            assert_eq!(found(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn without_default_a_path_can_have_no_route() {
        let model = load(TEMPLATE, &Surroundings::default()).unwrap();
        let some: Vec<_> = model.functions.into_iter().filter(|function| function.binary == "get").collect();
        assert_eq!(Routes::new(&some).unwrap().find("GET", "/"), None);
        assert!(Routes::new(&[some[0].clone(), some[0].clone()]).is_err(), "the same routes twice");
    }
}
