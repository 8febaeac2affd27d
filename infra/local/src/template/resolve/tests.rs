use serde_json::json;

use super::*;

fn resolver() -> Resolver {
    let template = json!({
        "Parameters": {
            "Name": {"Type": "String", "Default": "n"},
            "List": {"Type": "CommaDelimitedList", "Default": "a, b"},
            "Size": {"Type": "Number", "Default": 53_687_091_200_u64},
            "Level": {"Type": "String", "Default": "info", "AllowedValues": ["info", "debug"]},
        },
        "Conditions": {
            "HasName": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Name"}, ""]}]},
            "Both": {"Fn::And": [{"Condition": "HasName"}, {"Fn::Equals": [{"Ref": "Size"}, "53687091200"]}]},
            "Circle": {"Fn::Not": [{"Condition": "Circle"}]},
        },
        "Mappings": {"M": {"one": {"two": "three"}}},
    });
    let mut resolver = Resolver::new(&template, &BTreeMap::new()).unwrap();
    let named = BTreeMap::from([("Arn".to_owned(), "arn:q".to_owned())]);
    resolver.add_resource("Queue", Attributes { reference: "http://q".to_owned(), named });
    resolver
}

#[test]
fn functions_resolve() {
    for (value, expected) in [
        (json!({"Ref": "Queue"}), json!("http://q")),
        (json!({"Ref": "List"}), json!(["a", "b"])),
        (json!({"Ref": "Size"}), json!("53687091200")),
        (json!({"Fn::GetAtt": ["Queue", "Arn"]}), json!("arn:q")),
        (
            json!({"Fn::Sub": "${Name}-${Queue.Arn}-${!Name}-${AWS::Region}"}),
            json!("n-arn:q-${Name}-us-east-1"),
        ),
        (json!({"Fn::Sub": ["${X}", {"X": {"Ref": "Name"}}]}), json!("n")),
        (json!({"Fn::If": ["Both", [1, {"Ref": "AWS::NoValue"}], 2]}), json!([1])),
        (json!({"Fn::Join": ["-", ["a", {"Ref": "Name"}, 1]]}), json!("a-n-1")),
        (json!({"Fn::Select": [1, {"Fn::Split": [",", "x,y"]}]}), json!("y")),
        (json!({"Fn::FindInMap": ["M", "one", "two"]}), json!("three")),
        (
            json!({"a": {"Ref": "AWS::NoValue"}, "b": {"Fn::Or": [{"Condition": "HasName"}]}}),
            json!({"b": true}),
        ),
    ] {
        assert_eq!(resolver().resolve(&value).unwrap(), Some(expected), "{value}");
    }
    assert_eq!(resolver().resolve(&json!({"Ref": "AWS::NoValue"})).unwrap(), None);
}

#[test]
fn unknown_names_and_cycles_are_errors() {
    for value in [
        json!({"Ref": "Nothing"}),
        json!({"Fn::GetAtt": ["Queue", "Nothing"]}),
        json!({"Fn::Cidr": ["10.0.0.0/8", 1, 1]}),
        json!({"Fn::If": ["Circle", 1, 2]}),
        json!({"Fn::Sub": "${Name"}),
        json!({"Fn::Select": [2, ["a"]]}),
    ] {
        assert!(resolver().resolve(&value).is_err(), "{value}");
    }
}

#[test]
fn overrides_are_checked() {
    let template = json!({"Parameters": {"Level": {"Type": "String", "AllowedValues": ["info"]}}});
    let given = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    assert!(Resolver::new(&template, &BTreeMap::new()).is_err(), "no value");
    assert!(Resolver::new(&template, &given("Level", "loud")).is_err(), "not allowed");
    assert!(Resolver::new(&template, &given("Level", "info")).is_ok());
}
