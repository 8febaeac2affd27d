"""Resolves values of a template like CloudFormation, from parameters, conditions and mappings."""

from transform import default_values


class Values:
    """The values of one template; `parameters` override the defaults."""

    def __init__(self, template, **parameters):
        self.parameters = {name: str(value) for name, value in (default_values(template) | parameters).items()}
        self.conditions = template.get("Conditions", {})
        self.mappings = template.get("Mappings", {})

    def of(self, value):
        """Resolves the functions in a value. References to resources stay."""
        if isinstance(value, list):
            return [self.of(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            match name:
                case "Ref" if argument in self.parameters:
                    return self.parameters[argument]
                case "Fn::If":
                    condition, yes, no = argument
                    return self.of(yes if self.holds({"Condition": condition}) else no)
                case "Fn::FindInMap":
                    mapping, first, second = self.of(argument)
                    return self.mappings[mapping][first][second]
        return {key: self.of(inner) for key, inner in value.items()}

    def holds(self, condition):
        """Returns whether a condition is true."""
        ((name, argument),) = condition.items()
        match name:
            case "Condition":
                return self.holds(self.conditions[argument])
            case "Fn::Equals":
                left, right = self.of(argument)
                return str(left) == str(right)
            case "Fn::Not":
                return not self.holds(argument[0])
            case "Fn::And":
                return all(map(self.holds, argument))
            case "Fn::Or":
                return any(map(self.holds, argument))
        raise ValueError(f"not a condition: {condition}")
